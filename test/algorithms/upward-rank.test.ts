import { array, assert, integer, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";

import { type RankedTask, upwardRanks } from "../../src/algorithms/upward-rank.ts";

/** The definition itself, by recursion: slow, but obvious. */
function rankOf(tasks: readonly RankedTask[], task: RankedTask): number {
  const followers = tasks.filter(({ needs }) => needs.includes(task.id));
  return task.weight + Math.max(0, ...followers.map((each) => rankOf(tasks, each)));
}

describe("upwardRanks", () => {
  it("adds to each task the longest chain that needs it", () => {
    const ranks = upwardRanks([
      { id: "a", weight: 1, needs: [] },
      { id: "b", weight: 10, needs: ["a"] },
      { id: "c", weight: 2, needs: ["a"] },
      { id: "d", weight: 3, needs: ["c", "b", "nowhere"] },
    ]);
    expect(Object.fromEntries(ranks)).toEqual({ a: 14, b: 13, c: 5, d: 3 });
  });

  it("ends on a cycle and still ranks what is outside it", () => {
    const ranks = upwardRanks([
      { id: "x", weight: 1, needs: ["y"] },
      { id: "y", weight: 2, needs: ["x"] },
      { id: "self", weight: 4, needs: ["self"] },
      { id: "a", weight: 1, needs: [] },
      { id: "b", weight: 5, needs: ["a", "x"] },
    ]);
    expect(Object.fromEntries(ranks)).toEqual({ x: 6, y: 2, self: 4, a: 6, b: 5 });
  });

  it("equals the recursive definition on any acyclic graph, in any order of tasks", () => {
    const graph = array(
      tuple(integer({ min: 0, max: 50 }), array(integer({ min: 0, max: 20 }), { maxLength: 3 })),
      { maxLength: 12 },
    );
    assert(
      property(graph, (drafts) => {
        const tasks = drafts.map(([weight, needs], index) => ({
          id: `t${index}`,
          weight,
          needs: needs.filter((need) => need < index).map((need) => `t${need}`),
        }));
        const expected = new Map(tasks.map((task) => [task.id, rankOf(tasks, task)]));
        expect(upwardRanks(tasks)).toEqual(expected);
        expect(new Map([...upwardRanks(tasks.toReversed())].toReversed())).toEqual(expected);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
