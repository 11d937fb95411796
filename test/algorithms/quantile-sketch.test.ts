import { array, assert, double, integer, property, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { QuantileSketch, type SketchRange } from "../../src/algorithms/quantile-sketch.ts";

const RANGE: SketchRange = { relativeError: 0.05, least: 1, most: 300_000, halfLifeMs: 600_000 };

interface Sample {
  readonly value: number;
  readonly atMs: number;
}

/** The definition: sort all there was, and count weights until the share is reached. */
function slowQuantile(samples: readonly Sample[], q: number, nowMs: number): number {
  const weighed = samples
    .map(({ value, atMs }) => ({ value, weight: 2 ** ((atMs - nowMs) / RANGE.halfLifeMs) }))
    .toSorted((a, b) => a.value - b.value);
  const wanted = q * weighed.reduce((sum, { weight }) => sum + weight, 0);
  let seen = 0;
  for (const { value, weight } of weighed) {
    seen += weight;
    if (seen >= wanted) return Math.min(RANGE.most, Math.max(RANGE.least, value));
  }
  return Number.NaN;
}

/** True when `value` is within the promised error of the quantile, give or take rounding of sums of weights. */
function isQuantile(value: number, samples: readonly Sample[], q: number, nowMs: number): boolean {
  const low = slowQuantile(samples, Math.max(0, q - 1e-9), nowMs) * (1 - RANGE.relativeError);
  const high = slowQuantile(samples, Math.min(1 - 1e-12, q + 1e-9), nowMs);
  return value >= low * (1 - 1e-9) && value <= high * (1 + RANGE.relativeError) * (1 + 1e-9);
}

const VALUE = double({ min: 0.01, max: 1_000_000, noNaN: true });
const Q = double({ min: 0, max: 0.999, noNaN: true });

describe("QuantileSketch", () => {
  it("knows nothing before the first value", () => {
    expect(new QuantileSketch(RANGE).quantile(0.5)).toBeNull();
  });

  it("is within its relative error of what sorting all values gives", () => {
    assert(
      property(array(VALUE, { minLength: 1, maxLength: 200 }), Q, (values, q) => {
        const sketch = new QuantileSketch(RANGE);
        for (const value of values) sketch.add(value, 0);
        const samples = values.map((value) => ({ value, atMs: 0 }));
        expect(isQuantile(sketch.quantile(q) ?? 0, samples, q, 0)).toBe(true);
      }),
      { seed: 6, numRuns: 1_000 },
    );
  });

  it("forgets by halves, over any stretch of time", () => {
    const gaps = record({ value: VALUE, gapMs: integer({ min: 0, max: 5_000_000 }) });
    assert(
      property(array(gaps, { minLength: 1, maxLength: 60 }), Q, (steps, q) => {
        const sketch = new QuantileSketch(RANGE);
        const samples: Sample[] = [];
        let nowMs = 0;
        for (const { value, gapMs } of steps) {
          nowMs += gapMs;
          sketch.add(value, nowMs);
          samples.push({ value, atMs: nowMs });
        }
        expect(isQuantile(sketch.quantile(q) ?? 0, samples, q, nowMs)).toBe(true);
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });

  it("is the smallest value that a share does not exceed, where the share comes out even", () => {
    const sketch = new QuantileSketch(RANGE);
    for (const value of [10, 10, 1_000, 1_000]) sketch.add(value, 0);
    expect(sketch.quantile(0.5)).toBeLessThan(11);
    expect(sketch.quantile(0.51)).toBeGreaterThan(900);
  });

  it("counts right after a pause of any length", () => {
    const sketch = new QuantileSketch(RANGE);
    sketch.add(10, 0);
    const laterMs = 100 * RANGE.halfLifeMs;
    sketch.add(1_000, laterMs);
    for (let n = 0; n < 10; n += 1) sketch.add(10, laterMs);
    expect(sketch.quantile(0.9)).toBeLessThan(11);
    expect(sketch.quantile(0.92)).toBeGreaterThan(900);
  });

  it("follows a tool that became slower", () => {
    const sketch = new QuantileSketch(RANGE);
    for (let n = 0; n < 1_000; n += 1) sketch.add(10, 0);
    for (let n = 0; n < 10; n += 1) sketch.add(5_000, 10 * RANGE.halfLifeMs);
    expect(sketch.quantile(0.5)).toBeGreaterThan(4_500);
  });
});
