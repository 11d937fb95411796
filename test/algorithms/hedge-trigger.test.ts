import { array, assert, constantFrom, double, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { HedgeTrigger } from "../../src/algorithms/hedge-trigger.ts";

/** A trigger that has seen 100 requests of 100 ms, every so manieth ten times as slow. */
function seen(every: number): HedgeTrigger {
  const trigger = new HedgeTrigger();
  for (let n = 0; n < 400; n += 1) trigger.observe(n % every === 0 ? 1_000 : 100, 0);
  return trigger;
}

describe("HedgeTrigger", () => {
  it("says the quantile of a target that has stragglers, and nothing of one that has none", () => {
    expect(seen(10).afterMs(0.85)).toBeCloseTo(100, -1);
    expect(seen(10).afterMs(0.95)).toBeCloseTo(1_000, -2);
    expect(seen(1_000).afterMs(0.95)).toBeNull();
    const few = new HedgeTrigger();
    for (let n = 0; n < 29; n += 1) few.observe(n === 0 ? 1_000 : 100, 0);
    expect(few.afterMs(0.95)).toBeNull();
    few.observe(100, 0);
    expect(few.afterMs(0.95)).not.toBeNull();
  });

  it("affords what requests have earned, and saves no more than it may", () => {
    const share = double({ min: 0, max: 0.5, noNaN: true });
    assert(
      property(share, array(constantFrom("earn", "take"), { maxLength: 400 }), (part, steps) => {
        const trigger = new HedgeTrigger();
        let saved = 0;
        for (const step of steps) {
          if (step === "earn") {
            trigger.earn(part);
            saved = Math.min(10, saved + part);
          } else if (trigger.canTake) {
            trigger.take();
            saved -= 1;
          }
          expect(saved).toBeGreaterThanOrEqual(0);
          expect(trigger.canTake).toBe(saved >= 1);
        }
      }),
      { seed: 16, numRuns: 300 },
    );
  });

  it("saves up ten hedges", () => {
    const trigger = new HedgeTrigger();
    for (let n = 0; n < 50; n += 1) trigger.earn(1);
    let taken = 0;
    for (; trigger.canTake; taken += 1) trigger.take();
    expect(taken).toBe(10);
  });

  it("takes a request for lost after ten times the median, a second at least, once it was measured", () => {
    const trigger = new HedgeTrigger();
    expect(trigger.quantile(0.5)).toBeNull();
    for (let n = 0; n < 29; n += 1) trigger.observe(10, 0);
    expect(trigger.lateMs()).toBeNull();
    trigger.observe(10, 0);
    expect(trigger.lateMs()).toBe(1_000);
    for (let n = 0; n < 100; n += 1) trigger.observe(400, 0);
    expect(trigger.lateMs()).toBeGreaterThan(3_700);
    expect(trigger.lateMs()).toBeLessThan(4_200);
    expect(trigger.quantile(0.1)).toBeCloseTo(10, 0);
  });

  it("finds stragglers when one request in two hundred takes twice the median", () => {
    expect(seen(190).afterMs(0.5)).not.toBeNull();
    const even = new HedgeTrigger();
    for (let n = 0; n < 400; n += 1) even.observe(n % 100 === 0 ? 170 : 100, 0);
    expect(even.afterMs(0.95)).toBeNull();
    for (let n = 0; n < 400; n += 1) even.observe(n % 50 === 0 ? 260 : 100, 0);
    expect(even.afterMs(0.95)).not.toBeNull();
  });
});
