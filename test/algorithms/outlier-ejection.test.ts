import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  ejectionMs,
  isOutlier,
  MIN_COMPARED,
  MIN_OUTCOMES,
  mostEjected,
  SLOW_START_MS,
  slowStart,
  type TargetRecord,
} from "../../src/algorithms/outlier-ejection.ts";

const GOOD: TargetRecord = { succeeded: 100, failed: 1 };
const BAD: TargetRecord = { succeeded: 50, failed: 50 };

describe("isOutlier", () => {
  it("is the one that fails among those that do not, once there are five to compare", () => {
    const four = Array.from({ length: MIN_COMPARED - 1 }, () => GOOD);
    expect(isOutlier(BAD, [...four, BAD])).toBe(true);
    expect(isOutlier(BAD, [...four.slice(1), BAD])).toBe(false);
    expect(isOutlier(GOOD, [...four, BAD])).toBe(false);
  });

  it("is nobody with too few outcomes, nobody when all fail alike, nobody for a difference that does not matter", () => {
    const four = Array.from({ length: 4 }, () => GOOD);
    const few = { succeeded: 0, failed: MIN_OUTCOMES - 1 };
    expect(isOutlier(few, [...four, few])).toBe(false);
    expect(
      isOutlier(
        BAD,
        Array.from({ length: 6 }, () => BAD),
      ),
    ).toBe(false);
    const worse = { succeeded: 97, failed: 4 };
    expect(isOutlier(worse, [...four, ...four, worse])).toBe(false);
  });

  it("is never more than a few of any set", () => {
    const record = fc.record({ succeeded: fc.nat({ max: 500 }), failed: fc.nat({ max: 500 }) });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 16 }), (all) => {
        const outliers = all.filter((own) => isOutlier(own, all));
        // Chebyshev's one-sided inequality: at most 1 / (1 + 1.9²) of any set lie so far below its mean.
        expect(outliers.length).toBeLessThanOrEqual(all.length / (1 + 1.9 ** 2));
      }),
      { seed: 20_261_123, numRuns: 500 },
    );
  });
});

describe("ejection", () => {
  it("leaves at least half, so never none", () => {
    expect([1, 2, 3, 4, 5, 16].map(mostEjected)).toEqual([0, 1, 1, 2, 2, 8]);
  });

  it("lasts longer each time, to a bound", () => {
    expect([1, 2, 10, 11, 1_000].map(ejectionMs)).toEqual([
      30_000, 60_000, 300_000, 300_000, 300_000,
    ]);
  });

  it("is followed by a slow start from a tenth", () => {
    expect([0, 500, 5_000, SLOW_START_MS, 99_999].map(slowStart)).toEqual([0.1, 0.1, 0.5, 1, 1]);
  });
});
