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

/** The rule as it is written, step by step. */
function slowly(own: TargetRecord, all: readonly TargetRecord[]): boolean {
  const outcomes = (each: TargetRecord): number => each.succeeded + each.failed;
  const compared = all.filter((each) => outcomes(each) >= 20);
  if (outcomes(own) < 20 || compared.length < 5) return false;
  let sum = 0;
  for (const each of compared) sum += each.succeeded / outcomes(each);
  const mean = sum / compared.length;
  let squares = 0;
  for (const each of compared) squares += (each.succeeded / outcomes(each) - mean) ** 2;
  const deviation = Math.sqrt(squares / compared.length);
  const share = own.succeeded / outcomes(own);
  return share < mean - 0.05 && share < mean - 1.9 * deviation;
}

describe("isOutlier, among a few", () => {
  it("is what the rule says step by step", () => {
    const record = fc.oneof(
      fc.record({ succeeded: fc.integer({ min: 10, max: 25 }), failed: fc.constantFrom(0, 1, 2) }),
      fc.record({ succeeded: fc.nat({ max: 20 }), failed: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ succeeded: fc.constantFrom(90, 93, 95, 100), failed: fc.constantFrom(5, 7, 10) }),
    );
    fc.assert(
      fc.property(fc.array(record, { minLength: 3, maxLength: 9 }), (all) => {
        for (const own of all) expect(isOutlier(own, all)).toBe(slowly(own, all));
      }),
      { seed: 20_261_124, numRuns: 500 },
    );
  });

  it("needs twenty outcomes and five targets, no more", () => {
    const bad = { succeeded: 0, failed: 20 };
    const good = { succeeded: 20, failed: 0 };
    const nine = Array.from({ length: 9 }, () => good);
    expect(isOutlier(bad, [...nine, bad])).toBe(true);
    const few = { succeeded: 0, failed: 19 };
    expect(isOutlier(few, [...nine, few])).toBe(false);
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
