import { describe, expect, it } from "vitest";

import { leastCost } from "../../src/algorithms/least-cost.ts";

describe("leastCost", () => {
  it("takes the cheapest when no other is within a fifth of it", () => {
    for (const u of [0, 0.5, 0.99]) {
      expect(leastCost([121, 100, 300], [9, 1, 9], u)).toBe(1);
      expect(leastCost([0, 0.001], [1, 1], u)).toBe(0);
    }
  });

  it("draws by weight among those that are as good", () => {
    expect([0, 0.49, 0.51, 0.99].map((u) => leastCost([120, 100], [1, 1], u))).toEqual([
      0, 0, 1, 1,
    ]);
    expect([0.74, 0.76].map((u) => leastCost([100, 100], [3, 1], u))).toEqual([0, 1]);
    expect([0.49, 0.51].map((u) => leastCost([100, 100], [], u))).toEqual([0, 1]);
  });

  it("is nobody when there is nobody", () => {
    expect(leastCost([], [], 0)).toBe(-1);
  });
});
