/** Which candidate each strategy takes. */

import { describe, expect, it } from "vitest";

import type { Strategy } from "../../src/contract/balance.ts";
import { pickByStrategy } from "../../src/resilience/strategies.ts";

function candidate(id: string, weight: number, inFlight: number, costMs = 100) {
  return { target: { id }, weight, inFlight, costMs };
}

function picked(
  strategy: Strategy,
  candidates: readonly ReturnType<typeof candidate>[],
  drawn = 0,
): readonly [string | undefined, string] {
  const [index, reason] = pickByStrategy(strategy, candidates, "key", () => drawn);
  return [candidates[index]?.target.id, reason];
}

describe("pickByStrategy", () => {
  it("least_request: the fewest for its weight, the one that is asked counted in", () => {
    const lighter = [candidate("a", 1, 0), candidate("b", 3, 3)];
    expect(picked("least_request", lighter, 0.99)).toEqual(["a", "least_cost"]);
    const heavier = [candidate("a", 1, 1), candidate("b", 3, 3)];
    expect(picked("least_request", heavier, 0)).toEqual(["b", "least_cost"]);
  });

  it("peak_ewma: the least cost; softmax and weighted: a draw; priority: the first", () => {
    const two = [candidate("a", 1, 0, 300), candidate("b", 9, 0, 100)];
    expect(picked("peak_ewma", two)).toEqual(["b", "least_cost"]);
    expect(picked("softmax", two, 0.5)).toEqual(["b", "drawn"]);
    expect([picked("weighted", two, 0.09), picked("weighted", two, 0.11)]).toEqual([
      ["a", "drawn"],
      ["b", "drawn"],
    ]);
    expect(picked("priority", two)).toEqual(["a", "first"]);
    expect(picked("bounded_hash", two)[1]).toBe("hashed");
  });

  it.each([
    "peak_ewma",
    "softmax",
    "weighted",
    "least_request",
    "bounded_hash",
    "priority",
  ] as const)("%s: nobody when there is nobody", (strategy) => {
    expect(picked(strategy, [])[0]).toBeUndefined();
  });
});
