/** A benchmark's verdict and order statistics must be right, or every figure built on them is not. */

import { describe, expect, it } from "vitest";

import { meets, row, table } from "../../bench/report.ts";
import { median, quantile, seededRandom } from "../../bench/statistics.ts";

describe("meets", () => {
  it.each([
    [4.8, ">= 4.8", true],
    [4.79, ">= 4.8", false],
    [2, "<= 2", true],
    [2.01, "<= 2", false],
    [0, "== 0", true],
    [1, "== 0", false],
    [Number.NaN, "<= 2", false],
    [1, "about 1", false],
  ])("%d %s is %s", (value, bar, expected) => {
    expect(meets(value, bar)).toBe(expected);
  });
});

describe("row", () => {
  it("judges a row exactly when it has a bar", () => {
    expect(row("a", "b", 1.23456, "ms")).toEqual({
      case: "a",
      metric: "b",
      value: 1.235,
      unit: "ms",
    });
    expect(row("a", "b", 3, "ms", "<= 2").ok).toBe(false);
    expect(table([row("a", "b", 3, "ms", "<= 2")])).toContain("MISSED");
  });
});

describe("quantile and median", () => {
  it("take the nearest rank", () => {
    const sample = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(quantile(sample, 0.95)).toBe(95);
    expect(quantile(sample, 1)).toBe(100);
    expect(quantile([7], 0.5)).toBe(7);
    expect(median([1, 2, 3, 10])).toBe(2.5);
    expect(median([3, 1, 2])).toBe(2);
    expect(quantile([], 0.5)).toBeNaN();
  });
});

describe("seededRandom", () => {
  it("repeats for a seed, differs between seeds and is spread evenly", () => {
    const draw = (seed: number): number[] => Array.from({ length: 1000 }, seededRandom(seed));
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    const mean = draw(7).reduce((sum, value) => sum + value, 0) / 1000;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
  });
});
