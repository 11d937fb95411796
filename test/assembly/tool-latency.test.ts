/** What an isolate remembers of how long tools take. */

import { describe, expect, it } from "vitest";

import {
  expectedMsOf,
  MAX_MEASURED_TOOLS,
  measuredLanes,
  typicalMsOf,
  UNMEASURED_MS,
} from "../../src/assembly/tool-latency.ts";
import type { CallOutcome } from "../../src/contract/run.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { FAILED, FakeLanes, plannedCall, succeeded } from "../support/fake-lanes.ts";

/** Makes one call of `tool` that takes `durationMs`, measured for `tenant`. */
async function call(
  clock: FakeClock,
  tenant: string,
  tool: string,
  durationMs: number,
  outcome: CallOutcome = succeeded(),
): Promise<void> {
  const lanes = new FakeLanes(clock, () => ({ durationMs, outcome }));
  const [lane] = measuredLanes(lanes, tenant, clock).lanes(1);
  const { signal } = new AbortController();
  if (lane === undefined) throw new Error("There is no lane.");
  await clock.runUntil(lane.run(plannedCall("c", { tool }), 100_000, signal));
}

describe("measured lanes", () => {
  it("teach what a tool takes, for its tenant alone", async () => {
    const clock = new FakeClock();
    const expected = expectedMsOf("t1", clock);
    expect(expected("search")).toBe(UNMEASURED_MS);
    for (const ms of [900, 1_000, 1_100]) await call(clock, "t1", "search", ms);
    expect(expected("search")).toBeGreaterThan(1_100 * 0.95);
    expect(expected("search")).toBeLessThan(1_100 * 1.05);
    expect(typicalMsOf("t1", clock)("search")).toBeGreaterThan(1_000 * 0.95);
    expect(typicalMsOf("t1", clock)("search")).toBeLessThan(1_000 * 1.05);
    expect(typicalMsOf("t1", clock)("other")).toBeNull();
    expect(expectedMsOf("t2", clock)("search")).toBe(UNMEASURED_MS);
    expect(expected("other")).toBe(UNMEASURED_MS);
  });

  it("learn from answers and timeouts only", async () => {
    const clock = new FakeClock();
    const expected = expectedMsOf("t3", clock);
    await call(clock, "t3", "a", 10, FAILED);
    await call(clock, "t3", "a", 10, { ...succeeded(), cache: "hit" });
    await call(clock, "t3", "a", 10, { ...FAILED, status: "cancelled" });
    expect(expected("a")).toBe(UNMEASURED_MS);
    await call(clock, "t3", "a", 5_000, { ...FAILED, status: "timeout" });
    expect(expected("a")).toBeGreaterThan(4_700);
  });

  it("forget tools that were not called for an hour, and the oldest when there are too many", async () => {
    const clock = new FakeClock();
    await call(clock, "t4", "a", 2_000);
    await clock.advance(3_600_001);
    expect(expectedMsOf("t4", clock)("a")).toBe(UNMEASURED_MS);
    await call(clock, "t4", "a", 2_000);
    const answer = { slots: 1, run: async () => succeeded() };
    const pool = { lanes: () => [answer], close: () => undefined };
    const [lane] = measuredLanes(pool, "t5", clock).lanes(1);
    const { signal } = new AbortController();
    for (let n = 0; n < MAX_MEASURED_TOOLS - 1; n += 1)
      await lane?.run(plannedCall("c", { tool: `tool${n}` }), 100, signal);
    expect(expectedMsOf("t4", clock)("a")).toBeGreaterThan(1_900);
    await call(clock, "t5", "one more", 1);
    expect(expectedMsOf("t4", clock)("a")).toBe(UNMEASURED_MS);
  });

  it("are the same lanes on every call, with the slots of those they measure", () => {
    const clock = new FakeClock();
    const pool = new FakeLanes(clock, () => ({ durationMs: 1, outcome: succeeded() }), 3);
    const measured = measuredLanes(pool, "t6", clock);
    const [first] = measured.lanes(1);
    const [again, second] = measured.lanes(6);
    expect(again).toBe(first);
    expect([first?.slots, second?.slots]).toEqual([3, 3]);
    measured.close();
    expect(pool.closed).toBe(1);
  });
});
