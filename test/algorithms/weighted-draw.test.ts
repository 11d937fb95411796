import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { leastCost } from "../../src/algorithms/least-cost.ts";
import { softmaxWeights, TEMPERATURE, weightedDraw } from "../../src/algorithms/weighted-draw.ts";

const SEED = { seed: 20_261_123, numRuns: 500 };
const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("weightedDraw", () => {
  it("draws each index for as much of [0, 1) as its weight is of all", () => {
    const weights = fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(weights, (each) => {
        const total = each.reduce((sum, weight) => sum + weight, 0);
        if (total === 0) return;
        const drawn = each.map(() => 0);
        for (let ticket = 0; ticket < total; ticket += 1) {
          const index = weightedDraw(each, (ticket + 0.5) / total);
          drawn[index] = (drawn[index] ?? 0) + 1;
        }
        expect(drawn).toEqual(each);
      }),
      SEED,
    );
  });

  it("draws evenly when nothing weighs anything, and nothing from nothing", () => {
    expect([0, 0.49, 0.51, 0.99].map((u) => weightedDraw([0, 0], u))).toEqual([0, 0, 1, 1]);
    expect(weightedDraw([], 0.5)).toBe(-1);
    expect(weightedDraw([1, 0], 0.999_999)).toBe(0);
    expect([0, 0.25, 0.5, 0.75].map((u) => weightedDraw([1, 1], u))).toEqual([0, 0, 1, 1]);
  });

  it("never draws what weighs nothing, however sums are rounded", () => {
    const weight = fc.double({ min: 1e-6, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 30 }), (each) => {
        expect(weightedDraw([...each, 0, 0], 1 - 2 ** -53)).toBeLessThan(each.length);
      }),
      SEED,
    );
  });
});

describe("softmaxWeights", () => {
  it("weighs two costs by e to their difference over the temperature", () => {
    const [cheap = 0, dear = 0] = softmaxWeights([100, 150], [1, 1]);
    expect(dear / cheap).toBeCloseTo(Math.exp(-50 / (125 * TEMPERATURE)), 10);
    const [light = 0, heavy = 0] = softmaxWeights([100, 100], [1, 3]);
    expect(heavy / light).toBeCloseTo(3, 10);
  });

  it("draws what takes three times as long one time in fifty-five", () => {
    const [quick = 0, slow = 0] = softmaxWeights([100, 300], [1, 1]);
    expect(slow / quick).toBeCloseTo(Math.exp(-4), 10);
  });

  it("always gives weights that can be drawn from", () => {
    const costs = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 });
    fc.assert(
      fc.property(costs, unit, (each, u) => {
        const weights = softmaxWeights(each, []);
        expect(weights.every((weight) => weight >= 0 && Number.isFinite(weight))).toBe(true);
        expect(Math.max(...weights)).toBe(1);
        expect(weights[weightedDraw(weights, u)]).toBeGreaterThan(0);
      }),
      SEED,
    );
  });
});

describe("leastCost", () => {
  it("draws among those within a fifth of the least, never anything else", () => {
    const costs = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), {
      minLength: 1,
      maxLength: 16,
    });
    fc.assert(
      fc.property(costs, unit, (each, u) => {
        const index = leastCost(each, [], u);
        expect(each[index]).toBeLessThanOrEqual(Math.min(...each) * 1.2);
      }),
      SEED,
    );
    const drawn = new Set([0, 0.3, 0.6, 0.9].map((u) => leastCost([100, 119, 121], [1, 1, 1], u)));
    expect(drawn).toEqual(new Set([0, 1]));
    expect(leastCost([], [], 0.5)).toBe(-1);
  });
});
