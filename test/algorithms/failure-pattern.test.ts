import { describe, expect, it } from "vitest";

import { failurePattern, type FailureEvidence } from "../../src/algorithms/failure-pattern.ts";

const T0 = 10_000_000;
const ONE: FailureEvidence = { failuresMs: [T0], othersMs: [], bad: 10, timedOut: 0, limited: 0 };

describe("failurePattern", () => {
  const cases: readonly (readonly [string, Partial<FailureEvidence>, string | null])[] = [
    ["nothing has failed", { failuresMs: [] }, null],
    ["nothing has failed, though it asked to wait", { failuresMs: [], limited: 20 }, null],
    ["one failed once", {}, null],
    ["nobody has counted how", { bad: 0 }, null],
    ["two others failed with it", { othersMs: [T0 - 30_000, T0 + 30_000] }, "cascading"],
    ["they failed at another time", { othersMs: [T0 - 30_001, T0 + 30_001] }, null],
    ["half of it asked to wait", { limited: 10 }, "exhaustion"],
    ["less than half of it asked to wait", { limited: 9 }, null],
    ["the only failure asked to wait", { bad: 1, limited: 1 }, "exhaustion"],
    ["half of it had no answer", { timedOut: 5 }, "timeout_spiral"],
    ["one of two had no answer", { bad: 2, timedOut: 1 }, "timeout_spiral"],
    ["less than half of it had no answer", { timedOut: 4 }, null],
    ["it failed three times", { failuresMs: [T0 - 900_000, T0 - 5, T0] }, "intermittent"],
    ["it failed three times, long ago", { failuresMs: [T0 - 900_001, T0 - 5, T0] }, null],
  ];
  it.each(cases)("when %s", (_, change, label) => {
    expect(failurePattern({ ...ONE, ...change })).toBe(label);
  });
});
