/** XFetch: how often a value is refreshed before its time, as the paper's distribution says. */

import { assert, double, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { refreshesEarly } from "../../src/algorithms/xfetch.ts";

describe("refreshesEarly", () => {
  it("always refreshes at and after the expiry, and never long before it when the dice say no", () => {
    assert(
      property(
        integer({ min: 0, max: 1e6 }),
        integer({ min: 1, max: 1e4 }),
        double({ min: 0, max: 0.999_999, noNaN: true }),
        (late, cost, random) => {
          expect(refreshesEarly(1e9 + late, 1e9, cost, random)).toBe(true);
          expect(refreshesEarly(1e9 - 1 - late, 1e9, cost, 0)).toBe(false);
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  it("is exponential in the time left: e to the minus time over cost", () => {
    const trials = 20_000;
    for (const [leftMs, costMs] of [
      [100, 100],
      [200, 100],
      [50, 200],
    ] as const) {
      let early = 0;
      for (let n = 0; n < trials; n += 1) {
        if (refreshesEarly(-leftMs, 0, costMs, (n + 0.5) / trials)) early += 1;
      }
      expect(early / trials).toBeCloseTo(Math.exp(-leftMs / costMs), 3);
    }
  });
});
