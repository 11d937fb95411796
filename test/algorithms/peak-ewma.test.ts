import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  DECAY_MS,
  expectedMs,
  mergePeaks,
  observePeak,
  type PeakEwma,
} from "../../src/algorithms/peak-ewma.ts";

const SEED = { seed: 20_261_123, numRuns: 500 };

const step = fc.record({ tookMs: fc.nat({ max: 60_000 }), laterMs: fc.nat({ max: 30_000 }) });

/** The rule spelled out over the whole history: from the last jump on, each answer pulls the mean down by its gap. */
function slow(history: readonly { readonly tookMs: number; readonly atMs: number }[]): number {
  return (
    history.reduce<{ ms: number; atMs: number } | null>((mean, { tookMs, atMs }) => {
      if (mean === null || tookMs >= mean.ms) return { ms: tookMs, atMs };
      const weight = Math.E ** ((mean.atMs - atMs) / DECAY_MS);
      return { ms: tookMs + (mean.ms - tookMs) * weight, atMs };
    }, null)?.ms ?? Number.NaN
  );
}

describe("observePeak", () => {
  it("jumps to a peak and comes down with time, as the rule spelled out", () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        let atMs = 0;
        let state: PeakEwma | null = null;
        const history = steps.map(({ tookMs, laterMs }) => {
          atMs += laterMs;
          state = observePeak(state, tookMs, atMs);
          expect(state.ms).toBeGreaterThanOrEqual(tookMs);
          return { tookMs, atMs };
        });
        expect(state).toMatchObject({ ms: expect.closeTo(slow(history), 5) });
      }),
      SEED,
    );
  });

  it("is not misled by a clock that steps back", () => {
    const before = observePeak(null, 500, 10_000);
    const after = observePeak(before, 100, 4_000);
    expect(after).toEqual({ ms: 500, atMs: 10_000 });
    expect(expectedMs(before, 100, 0)).toBe(500);
  });
});

describe("expectedMs", () => {
  it("is what was measured at first and the prior in the end, and lies between them always", () => {
    fc.assert(
      fc.property(fc.nat(60_000), fc.nat(60_000), fc.nat(200_000), (ms, priorMs, ageMs) => {
        const expected = expectedMs({ ms, atMs: 0 }, priorMs, ageMs);
        expect(expected).toBeGreaterThanOrEqual(Math.min(ms, priorMs) - 1e-6);
        expect(expected).toBeLessThanOrEqual(Math.max(ms, priorMs) + 1e-6);
      }),
      SEED,
    );
    expect(expectedMs({ ms: 500, atMs: 0 }, 100, 0)).toBe(500);
    expect(expectedMs({ ms: 500, atMs: 0 }, 100, 100 * DECAY_MS)).toBeCloseTo(100, 6);
    expect(expectedMs(null, 100, 5)).toBe(100);
  });
});

describe("mergePeaks", () => {
  it("lies between what was measured, is null of nothing, and counts the fresh for more", () => {
    expect(mergePeaks([], 0)).toBeNull();
    const merged = mergePeaks(
      [
        { ms: 100, atMs: 50_000 },
        { ms: 900, atMs: 0 },
      ],
      50_000,
    );
    expect(merged?.ms).toBeGreaterThan(100);
    expect(merged?.ms).toBeLessThan(110);
    expect(merged?.atMs).toBe(50_000);
  });
});
