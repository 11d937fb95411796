import { array, assert, boolean, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import {
  BUDGET_CAPACITY,
  FLOOR_PER_SECOND,
  RetryBudget,
} from "../../src/algorithms/retry-budget.ts";

const STEPS = array(record({ gapMs: integer({ min: -50, max: 400 }), isSuccess: boolean() }), {
  maxLength: 300,
});

describe("RetryBudget", () => {
  it("never gives more than what was saved up, earned and floored", () => {
    assert(
      property(STEPS, (steps) => {
        const budget = new RetryBudget(0);
        let nowMs = 0;
        let latestMs = 0;
        let given = 0;
        let earned = 0;
        for (const { gapMs, isSuccess } of steps) {
          nowMs += gapMs;
          latestMs = Math.max(latestMs, nowMs);
          if (isSuccess) {
            budget.earn(0.1, nowMs);
            earned += 0.1;
          } else if (budget.take(nowMs)) given += 1;
          const floor = (latestMs / 1000) * FLOOR_PER_SECOND;
          expect(given).toBeLessThanOrEqual(BUDGET_CAPACITY + earned + floor + 1e-6);
        }
      }),
      { seed: 12, numRuns: 500 },
    );
  });

  it("gives what a plain count of tokens gives", () => {
    assert(
      property(STEPS, (steps) => {
        const budget = new RetryBudget(0);
        let tokens = BUDGET_CAPACITY;
        let nowMs = 0;
        for (const { gapMs, isSuccess } of steps) {
          const passedMs = Math.max(0, gapMs);
          nowMs += passedMs;
          tokens = Math.min(BUDGET_CAPACITY, tokens + (passedMs / 1000) * FLOOR_PER_SECOND);
          if (isSuccess) {
            budget.earn(0.25, nowMs);
            tokens = Math.min(BUDGET_CAPACITY, tokens + 0.25);
            continue;
          }
          const isEnough = tokens >= 1;
          expect(budget.take(nowMs)).toBe(isEnough);
          if (isEnough) tokens -= 1;
        }
      }),
      { seed: 13, numRuns: 500 },
    );
  });

  it("is full at first and holds no more than it can", () => {
    const budget = new RetryBudget(0);
    for (let n = 0; n < 1_000; n += 1) budget.earn(1, 0);
    const given = Array.from({ length: 20 }, () => budget.take(0)).filter(Boolean).length;
    expect(given).toBe(BUDGET_CAPACITY);
    expect(budget.take(999)).toBe(false);
    expect(budget.take(1_000)).toBe(true);
  });
});
