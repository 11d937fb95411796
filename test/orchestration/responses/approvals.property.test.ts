/** Random conversations with approvals, several clients at once: nothing that asks is ever made unasked, or twice. */

import fc from "fast-check";
import { expect, it } from "vitest";

import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { ResponseScene, type Said } from "../../support/response-scene.ts";

const SEED = 20_261_122;

type Deed = "yes" | "no" | "replay" | "forge" | "steal" | "invent";
const DEED = fc.constantFrom<Deed>("yes", "yes", "no", "replay", "forge", "steal", "invent");

interface Asked {
  readonly id: string;
  readonly argumentsJson: string;
  readonly responseId: string;
}

/** Approval requests a response shows. */
function askedBy({ last }: Said): readonly Asked[] {
  const response = last?.response;
  return (response?.output ?? []).flatMap((item: JsonObject) =>
    item["type"] === "mcp_approval_request"
      ? [
          {
            id: String(item["id"]),
            argumentsJson: String(item["arguments"]),
            responseId: response?.id ?? "",
          },
        ]
      : [],
  );
}

/** Ticks of the event loop's microtasks, from a fixed list. */
function waits(ticks: readonly number[]): () => Promise<void> {
  let at = 0;
  return async () => {
    const count = ticks[at % ticks.length] ?? 0;
    at += 1;
    for (let tick = 0; tick < count; tick += 1) await Promise.resolve();
  };
}

const TURN = fc.array(fc.constantFrom("read", "ask", "pay"), { minLength: 1, maxLength: 5 });
const STEP = fc.record({
  /** Words said at the same time by different clients, each on some of the open requests. */
  words: fc.array(
    fc.record({
      deed: DEED,
      pick: fc.nat({ max: 9 }),
      also: fc.option(fc.nat({ max: 9 })),
      alone: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

it("over 400 random conversations makes no asked call without its yes, and none twice", async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(TURN, { minLength: 1, maxLength: 3 }),
      fc.array(STEP, { minLength: 1, maxLength: 5 }),
      fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 20 }),
      async (turns, steps, ticks) => {
        const scene = new ResponseScene({ turns, wait: waits(ticks) });
        /** Arguments of every call somebody said yes to with the right key. */
        const allowed = new Set<string>();
        const known: Asked[] = [...askedBy(await scene.respond({ input: "Go." }))];
        for (const { words } of steps) {
          if (known.length === 0) break;
          const before = [...known];
          const answers = words.map(({ deed, pick, also, alone }) => {
            const chosen = [pick, ...(also === null ? [] : [also])].map(
              (n) => before[n % before.length],
            );
            const picked = chosen.filter((one) => one !== undefined);
            if (deed === "yes" || deed === "replay")
              for (const one of picked) allowed.add(one.argumentsJson);
            return scene.respond(
              requestFor(deed, picked, alone),
              deed === "steal" ? "key-2" : "key-1",
            );
          });
          for (const said of await Promise.all(answers)) known.push(...askedBy(said));
        }
        const asking = scene.ran.filter(({ tool }) => tool !== "read");
        made += asking.length;
        for (const call of asking) {
          expect(call.approval).toBe("granted");
          expect(allowed).toContain(JSON.stringify(call.arguments));
        }
        const all = scene.ran.map((call) => JSON.stringify(call.arguments));
        expect(new Set(all).size).toBe(all.length);
      },
    ),
    { seed: SEED, numRuns: 400 },
  );
  // The property would hold in a world where nothing ever runs.
  expect(made).toBeGreaterThan(300);
}, 120_000);

function requestFor(deed: Deed, picked: readonly Asked[], isAlone: boolean) {
  const approve = deed !== "no";
  const input = picked.map(({ id }) => ({
    type: "mcp_approval_response",
    approval_request_id: deed === "invent" ? id.replace(/_\d+$/, "_77") : id,
    approve,
  }));
  const shown = picked.map(({ id }) => ({
    type: "mcp_approval_request",
    id,
    arguments: '{"n":"another"}',
  }));
  const [first] = picked;
  return {
    input: deed === "forge" ? [...shown, ...input] : input,
    ...(isAlone || first === undefined ? {} : { previous_response_id: first.responseId }),
  };
}
