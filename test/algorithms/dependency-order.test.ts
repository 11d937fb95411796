import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { dependencyOrder } from "../../src/algorithms/dependency-order.ts";

const SEED = 20_261_122;

/** Steps from each node to each other along needs, by the obvious method (Floyd-Warshall); a node to itself: a cycle. */
function distances(needs: readonly ReadonlySet<number>[]): readonly (readonly number[])[] {
  const size = needs.length;
  const steps = needs.map((needed) =>
    Array.from({ length: size }, (_, other) => (needed.has(other) ? 1 : Infinity)),
  );
  for (let via = 0; via < size; via += 1) {
    for (let from = 0; from < size; from += 1) {
      for (let to = 0; to < size; to += 1) {
        const row = steps[from] ?? [];
        const around = (row[via] ?? Infinity) + (steps[via]?.[to] ?? Infinity);
        if (around < (row[to] ?? Infinity)) row[to] = around;
      }
    }
  }
  return steps;
}

const graphs = fc
  .integer({ min: 0, max: 9 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.integer({ min: 0, max: Math.max(0, size - 1) }), { maxLength: 3 }), {
      minLength: size,
      maxLength: size,
    }),
  )
  .map((lists) => lists.map((list) => new Set(list)));

describe("dependencyOrder", () => {
  it("orders everything that can be ordered, each after what it needs", () => {
    fc.assert(
      fc.property(graphs, (needs) => {
        const steps = distances(needs);
        const { order } = dependencyOrder(needs);
        const waits = (node: number) =>
          [node, ...needs.keys()].some(
            (other) =>
              (other === node || (steps[node]?.[other] ?? Infinity) < Infinity) &&
              (steps[other]?.[other] ?? Infinity) < Infinity,
          );
        expect(order.toSorted((a, b) => a - b)).toEqual(
          [...needs.keys()].filter((node) => !waits(node)),
        );
        for (const [place, node] of order.entries()) {
          for (const needed of needs[node] ?? []) expect(order.indexOf(needed)).toBeLessThan(place);
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("shows a shortest cycle for every node on one, and for no other", () => {
    fc.assert(
      fc.property(graphs, (needs) => {
        const steps = distances(needs);
        const { cycles } = dependencyOrder(needs);
        for (const node of needs.keys()) {
          const length = steps[node]?.[node] ?? Infinity;
          const cycle = cycles.get(node);
          expect(cycle?.length).toBe(length === Infinity ? undefined : length);
          if (cycle === undefined) continue;
          expect(cycle[0]).toBe(node);
          for (const [place, each] of cycle.entries()) {
            const next = cycle[(place + 1) % cycle.length];
            expect(next !== undefined && needs[each]?.has(next)).toBe(true);
          }
        }
      }),
      { seed: SEED, numRuns: 2000 },
    );
  });

  it("keeps the given order where needs leave a choice", () => {
    const needs = [new Set([3]), new Set<number>(), new Set<number>(), new Set([1])];
    expect(dependencyOrder(needs)).toEqual({ order: [1, 2, 3, 0], cycles: new Map() });
  });

  it("takes 256 nodes in a ring in its stride", () => {
    const needs = Array.from({ length: 256 }, (_, node) => new Set([(node + 1) % 256]));
    const { order, cycles } = dependencyOrder(needs);
    expect([order.length, cycles.size, cycles.get(7)?.slice(0, 3)]).toEqual([0, 256, [7, 8, 9]]);
  });
});
