import { describe, expect, it } from "vitest";

import { LATE_REPORT_MS, runTimes } from "../../src/assembly/durable-run.ts";

const FIRST = { startedAtMs: 1_000, isResumed: false, isCancelled: false };
const RESUMED = { ...FIRST, isResumed: true };

function endOf(durable: typeof FIRST, nowMs: number): number {
  const { startedAtMs, deadlineMs } = runTimes(durable, 10_000, () => nowMs);
  return startedAtMs + deadlineMs;
}

describe("runTimes", () => {
  it("counts the deadline from the first life", () => {
    expect(endOf(FIRST, 1_000)).toBe(11_000);
    expect(endOf(RESUMED, 3_000)).toBe(11_000);
  });

  it("leaves a run that was lost the time to report, also when it is taken up just before its deadline", () => {
    expect(endOf(RESUMED, 10_990)).toBe(10_990 + LATE_REPORT_MS);
    expect(endOf(RESUMED, 60_000)).toBe(60_000 + LATE_REPORT_MS);
    expect(endOf(FIRST, 10_990)).toBe(11_000);
  });

  it("lets nothing be sent after the deadline all the same", () => {
    const { bounds } = runTimes(RESUMED, 10_000, () => 10_990);
    expect(bounds).toMatchObject({ deadlineAtMs: 11_000, isCancelled: false });
    expect(bounds.now()).toBe(10_990);
  });
});
