import { array, assert, boolean, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { seededRandom } from "../../bench/statistics.ts";
import { AdaptiveCusum } from "../../src/algorithms/adaptive-cusum.ts";

/** Calls until it says broken, or null within `most`. */
function callsToTrip(share: number, random: () => number, most: number, calm = 500): number | null {
  const test = new AdaptiveCusum();
  for (let n = 0; n < calm; n += 1)
    if (random() < 0.01) test.add(0, 1, null);
    else test.add(1, 0, null);
  test.reset();
  for (let n = 1; n <= most; n += 1) {
    const isBad = random() < share;
    if (test.add(isBad ? 0 : 1, isBad ? 1 : 0, null)) return n;
  }
  return null;
}

function medianCalls(share: number): number {
  const random = seededRandom(7);
  const calls = Array.from({ length: 301 }, () => callsToTrip(share, random, 2_000) ?? Infinity);
  return calls.toSorted((a, b) => a - b)[150] ?? Infinity;
}

describe("AdaptiveCusum", () => {
  it.each([
    [1, 5],
    [0.6, 10],
    [0.3, 40],
  ])("notices %d of all calls failing within %d calls", (share, most) => {
    expect(medianCalls(share)).toBeLessThanOrEqual(most);
  });

  it.each([0, 0.01, 0.05])("is quiet for 10,000 calls of which %d fail", (share) => {
    for (let seed = 1; seed <= 20; seed += 1)
      expect(callsToTrip(share, seededRandom(seed), 10_000, 0)).toBeNull();
  });

  it("does in a batch what its calls do one after the other, while all is well", () => {
    assert(
      property(array(boolean(), { maxLength: 8 }), integer({ min: 0, max: 4 }), (calls, before) => {
        const one = new AdaptiveCusum();
        const batch = new AdaptiveCusum();
        for (const test of [one, batch]) for (let n = 0; n < before; n += 1) test.add(1, 0, 0.1);
        const bad = calls.filter((isBad) => isBad).length;
        // Good ones first: a batch forgets their order, and may only be later than they are, never sooner.
        const trippedOne = [...calls]
          .toSorted((a, b) => Number(a) - Number(b))
          .some((isBad) => one.add(isBad ? 0 : 1, isBad ? 1 : 0, 0.1));
        const trippedBatch = batch.add(calls.length - bad, bad, 0.1);
        expect(trippedBatch && !trippedOne).toBe(false);
      }),
      { seed: 14, numRuns: 500 },
    );
  });

  it("follows the share of failures, and keeps it when it starts over", () => {
    const test = new AdaptiveCusum();
    for (let n = 0; n < 4_000; n += 1) test.add(n % 5 === 0 ? 0 : 1, n % 5 === 0 ? 1 : 0, null);
    expect(test.usualRate).toBeCloseTo(0.2, 1);
    test.reset();
    expect(test.usualRate).toBeCloseTo(0.2, 1);
    expect(test.add(0, 0, null)).toBe(false);
  });
});
