/** BFCL's gold calls over HTTP: accepted and executed when they satisfy their own schema, refused at the place when not. */

import { afterAll, describe, expect, it } from "vitest";

import { BFCL_PARTS, readBfcl, type BfclCall } from "../support/bfcl.ts";
import {
  definitionsOf,
  outputsById,
  resultOf,
  serveTools,
  type ValueTool,
} from "../support/value-tools.ts";
import { newTenant, pointersOf, send, type WireAnswer } from "./scene.ts";

const PARTS = BFCL_PARTS.flatMap((name) => {
  const part = readBfcl(name);
  return part === null ? [] : [{ name, part }];
});
const counts = { questions: 0, calls: 0, executed: 0, refused: 0 };

afterAll(() => {
  if (counts.questions > 0) console.log(`BFCL: ${JSON.stringify(counts)}`);
});

/** What became of calls; null when there are none to make. */
async function outcomeOf(
  calls: readonly BfclCall[],
  run: (calls: readonly BfclCall[]) => Promise<WireAnswer>,
) {
  if (calls.length === 0) return null;
  const answer = await run(calls);
  return {
    status: answer.status,
    pointers: pointersOf(answer).toSorted(),
    outputs: [...outputsById(answer.json).values()],
  };
}

/** What has to become of calls of which some break their schema. */
function refusalOf(calls: readonly BfclCall[]) {
  const pointers = calls.flatMap(({ mistakes }, index) =>
    mistakes.map((place) => `/calls/${index}/arguments${place}`),
  );
  return calls.length === 0 ? null : { status: 422, pointers: pointers.toSorted(), outputs: [] };
}

/** What has to become of calls that keep to their schema. */
function successOf(calls: readonly BfclCall[], tools: readonly ValueTool[]) {
  const outputs = calls.map((call) => {
    const tool = tools.find(({ name }) => name === call.tool);
    return tool === undefined ? null : resultOf(tool, call.arguments);
  });
  return calls.length === 0 ? null : { status: 200, pointers: [], outputs };
}

const asRunCall = ({ tool, arguments: values }: BfclCall) => ({ tool, arguments: values });

describe.skipIf(PARTS.length === 0)("BFCL (needs ../shared/data)", () => {
  it.each(PARTS)(
    "$name: every gold call is executed, or refused with the pointer",
    async ({ part: { tools, questions } }) => {
      const server = await serveTools(tools);
      try {
        const { apiKey } = await newTenant({ tools: definitionsOf(tools, server.url) });
        const run = (calls: readonly BfclCall[]) =>
          send("POST", "/v1/runs", { key: apiKey, body: { calls: calls.map(asRunCall) } });
        for (const { id, calls } of questions) {
          const good = calls.filter(({ mistakes }) => mistakes.length === 0);
          counts.questions += 1;
          counts.calls += calls.length;
          counts.executed += good.length;
          counts.refused += calls.length - good.length;
          const bad = calls.length === good.length ? [] : calls;
          const outcomes = [await outcomeOf(bad, run), await outcomeOf(good, run)];
          expect([id, outcomes]).toEqual([id, [refusalOf(bad), successOf(good, tools)]]);
        }
      } finally {
        await server.close();
      }
    },
    300_000,
  );
});
