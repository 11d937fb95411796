import { assert, double, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { stageBudgetMs } from "../../src/algorithms/stage-budget.ts";

const ms = double({ min: 0.001, max: 1_000_000, noNaN: true });

describe("stageBudgetMs", () => {
  it("keeps what must follow its expected time and gives the stage the rest", () => {
    expect(stageBudgetMs({ leftMs: 1_000, ownMs: 100, followingMs: 300 })).toBe(700);
    expect(stageBudgetMs({ leftMs: 1_000, ownMs: 100, followingMs: 0 })).toBe(1_000);
  });

  it("shrinks all stages alike when even the expected times do not fit", () => {
    expect(stageBudgetMs({ leftMs: 100, ownMs: 100, followingMs: 300 })).toBe(25);
    expect(stageBudgetMs({ leftMs: 0, ownMs: 100, followingMs: 300 })).toBe(0);
    expect(stageBudgetMs({ leftMs: -5, ownMs: 100, followingMs: 0 })).toBe(0);
  });

  it("never exceeds what is left, never falls below the stage's share, and leaves more the less must follow", () => {
    const stage = record({ leftMs: ms, ownMs: ms, followingMs: ms });
    assert(
      property(stage, ms, ({ leftMs, ownMs, followingMs }, moreMs) => {
        const budget = stageBudgetMs({ leftMs, ownMs, followingMs });
        expect(budget).toBeLessThanOrEqual(leftMs);
        expect(budget).toBeGreaterThanOrEqual((leftMs * ownMs) / (ownMs + followingMs) - 1e-6);
        const longer = { leftMs, ownMs, followingMs: followingMs + moreMs };
        expect(stageBudgetMs(longer)).toBeLessThanOrEqual(budget);
      }),
      { seed: 8, numRuns: 1_000 },
    );
  });
});
