import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { addToRate, NO_RATE, ratePerMs } from "../../src/algorithms/decaying-rate.ts";

describe("a decaying rate", () => {
  it("is the sum of all amounts, each weighed by its age", () => {
    const gaps = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 3000 }),
        amount: fc.integer({ min: 0, max: 100 }),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(gaps, (steps) => {
        let rate = NO_RATE;
        let nowMs = 0;
        const all: { readonly atMs: number; readonly amount: number }[] = [];
        for (const { waitMs, amount } of steps) {
          nowMs += waitMs;
          rate = addToRate(rate, amount, nowMs, 500);
          all.push({ atMs: nowMs, amount });
        }
        const slow = all.reduce(
          (sum, { atMs, amount }) => sum + amount * Math.exp((atMs - nowMs) / 500),
          0,
        );
        expect(ratePerMs(rate, nowMs, 500)).toBeCloseTo(slow / 500, 6);
      }),
      { seed: 20_261_123, numRuns: 200 },
    );
  });

  it("comes to the true rate of even arrivals", () => {
    let rate = NO_RATE;
    for (let nowMs = 0; nowMs <= 5000; nowMs += 5) rate = addToRate(rate, 1, nowMs, 500);
    expect(ratePerMs(rate, 5000, 500)).toBeCloseTo(0.2, 2);
  });

  it("gains nothing from a clock that goes back", () => {
    const rate = addToRate(NO_RATE, 1, 1000, 500);
    expect(ratePerMs(rate, 0, 500)).toBe(ratePerMs(rate, 1000, 500));
    expect(addToRate(rate, 1, 0, 500)).toEqual({ sum: 2, atMs: 1000 });
  });
});
