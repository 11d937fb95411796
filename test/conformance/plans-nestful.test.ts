/** NESTFUL's gold plans over HTTP: every resolvable one executes with right values, every other is refused at the place. */

import { afterAll, describe, expect, it } from "vitest";

import { textOf } from "../../dev/http/json.ts";
import {
  callsOf,
  expectedOutputs,
  mistakesOf,
  NESTFUL_PARTS,
  readNestful,
} from "../support/nestful.ts";
import { definitionsOf, outputsById, serveTools } from "../support/value-tools.ts";
import { newTenant, pointersOf, send, type WireAnswer } from "./scene.ts";

const PARTS = NESTFUL_PARTS.flatMap((name) => {
  const part = readNestful(name);
  return part === null ? [] : [{ name, part }];
});
const counts = {
  plans: 0,
  calls: 0,
  executed: 0,
  refusedForTool: 0,
  refusedForReference: 0,
  refusedForLabel: 0,
};

/** Counts one plan by what has to become of it. */
function count(calls: number, mistakes: readonly string[]): void {
  const isAbout = (end: string) => mistakes.some((pointer) => pointer.endsWith(end));
  counts.plans += 1;
  counts.calls += calls;
  if (mistakes.length === 0) counts.executed += 1;
  else if (isAbout("/tool")) counts.refusedForTool += 1;
  else if (isAbout("/id")) counts.refusedForLabel += 1;
  else counts.refusedForReference += 1;
}

function outcomeOf(answer: WireAnswer) {
  return {
    status: answer.status,
    pointers: pointersOf(answer),
    run: textOf(answer.json, "status"),
    outputs: outputsById(answer.json),
  };
}

afterAll(() => {
  if (counts.plans > 0) console.log(`NESTFUL: ${JSON.stringify(counts)}`);
});

describe.skipIf(PARTS.length === 0)("NESTFUL (needs ../shared/data)", () => {
  it.each(PARTS)(
    "$name: every plan is executed with right values, or refused at the exact place",
    async ({ part }) => {
      const { tools, plans } = part;
      const server = await serveTools(tools);
      try {
        const { apiKey } = await newTenant({ tools: definitionsOf(tools, server.url) });
        for (const plan of plans) {
          const calls = callsOf(plan);
          const answer = await send("POST", "/v1/runs", { key: apiKey, body: { calls } });
          const mistakes = mistakesOf(plan, tools);
          count(calls.length, mistakes);
          expect([plan.id, outcomeOf(answer)]).toEqual([
            plan.id,
            mistakes.length > 0
              ? { status: 422, pointers: mistakes, run: null, outputs: new Map() }
              : {
                  status: 200,
                  pointers: [],
                  run: "completed",
                  outputs: expectedOutputs(plan, tools),
                },
          ]);
        }
      } finally {
        await server.close();
      }
    },
    300_000,
  );
});
