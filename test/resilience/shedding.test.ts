/** Who goes first when not all can. */

import { describe, expect, it } from "vitest";

import { levelOf, TIERS } from "../../src/resilience/shedding.ts";

describe("shedding", () => {
  it("puts every run of a tier before every run of the next, and a run always at the same place", () => {
    const runs = Array.from({ length: 200 }, (_, n) => `run_${n}`);
    const levels = TIERS.map((tier) => runs.map((run) => levelOf(tier, run)));
    for (const [index, own] of levels.slice(1).entries())
      expect(Math.max(...own)).toBeLessThan(Math.min(...(levels[index] ?? [])));
    expect(levelOf("spare", "run_7")).toBe(levelOf("spare", "run_7"));
    expect(new Set(levels[0]).size).toBeGreaterThan(80);
  });

  it("keeps a run in its cohort in every release, so that isolates of two releases let the same runs through", () => {
    const runs = ["", "run_1", "run_2", "a longer name", "ü"];
    expect(runs.map((run) => levelOf("spare", run) - 128)).toEqual([124, 63, 34, 18, 44]);
    expect(levelOf("interactive", "run_1") - levelOf("spare", "run_1")).toBe(3 * 128);
  });
});
