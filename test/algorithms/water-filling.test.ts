import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { waterFill } from "../../src/algorithms/water-filling.ts";

/** Gives one unit at a time to whoever has least and wants more: slow and plainly fair. */
function oneByOne(demands: readonly number[], capacity: number): number[] {
  const shares = demands.map(() => 0);
  for (let left = capacity; left > 0; left -= 1) {
    const wanting = shares.flatMap((share, place) =>
      share < (demands[place] ?? 0) ? [{ share, place }] : [],
    );
    const poorest = wanting.toSorted((a, b) => a.share - b.share || a.place - b.place)[0];
    if (poorest === undefined) break;
    shares[poorest.place] = poorest.share + 1;
  }
  return shares;
}

describe("waterFill", () => {
  it("gives what giving one unit at a time to the poorest gives", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 40 }), { maxLength: 12 }),
        fc.nat({ max: 300 }),
        (demands, capacity) => {
          expect(waterFill(demands, capacity)).toEqual(oneByOne(demands, capacity));
        },
      ),
      { seed: 20_261_122, numRuns: 500 },
    );
  });

  it.each([
    [[], 10, []],
    [[5, 5], 10, [5, 5]],
    [[5, 5], 9, [5, 4]],
    [[1, 100, 100], 21, [1, 10, 10]],
    [[7], 0, [0]],
  ])("shares %j of %i as %j", (demands, capacity, shares) => {
    expect(waterFill(demands, capacity)).toEqual(shares);
  });
});
