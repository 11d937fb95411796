import { expect, it } from "vitest";

import { CallNumbers } from "../../../src/orchestration/journal/number-calls.ts";
import { recallCalls } from "../../../src/orchestration/journal/recall-calls.ts";
import { plannedCall, succeeded } from "../../support/fake-lanes.ts";
import { MemoryJournal, testDigest } from "../../support/memory-journal.ts";

const write = plannedCall("w", { effect: "write", tool: "write" });
const put = plannedCall("p", { effect: "idempotent_write", tool: "put" });
const [done, lost, fresh] = ["done", "lost", "fresh"].map((id) =>
  plannedCall(id, { arguments: { id } }),
);
const CALLS = [write, put, done, lost, fresh].flatMap((call) => call ?? []);

it("knows what ended and which write may have happened, and nothing of what may be made again", async () => {
  const numbers = new CallNumbers("run_1", testDigest);
  const journal = new MemoryJournal();
  for (const call of CALLS) if (call !== fresh) await journal.send(await numbers.keyOf(call));
  if (done !== undefined)
    await journal.settle(await numbers.keyOf(done), "done", succeeded("kept"));
  const known = await recallCalls(CALLS, numbers, journal.nextLife());
  expect([...known]).toEqual([
    ["w", expect.objectContaining({ status: "outcome_unknown" })],
    ["done", succeeded("kept")],
  ]);
});
