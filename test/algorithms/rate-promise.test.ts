import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { bucketOf, lifeOf } from "../../src/algorithms/rate-promise.ts";
import { fullBucket, refill, take } from "../../src/algorithms/token-bucket.ts";

const SEED = 20_261_123;

/** The most that a bucket asked every ten milliseconds admits in any window, with tokens spent up to a lease after they were taken. */
function worstWindow(limit: number, window_s: number, lateMs: number): number {
  const bucketLimit = bucketOf({ limit, window_s, strict: true });
  let bucket = fullBucket(bucketLimit, 0);
  const spent: number[] = [];
  let held: number[] = [];
  // Everything taken is kept for as long as a lease lives and spent then, all together.
  for (let nowMs = 0; nowMs <= window_s * 3000; nowMs += 10) {
    bucket = refill(bucket, bucketLimit, nowMs);
    for (; bucket.tokens >= 1; bucket = take(bucket, 1)) held.push(nowMs);
    if (held.length > 0 && nowMs - (held[0] ?? 0) >= lateMs) {
      spent.push(...held.map(() => nowMs));
      held = [];
    }
  }
  let worst = 0;
  for (const [index, atMs] of spent.entries()) {
    const first = spent.findIndex((other) => other > atMs - window_s * 1000);
    worst = Math.max(worst, index - first + 1);
  }
  return worst;
}

describe("a strict limit", () => {
  it("is kept in every window, even when each token is spent at the end of its lease", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 150 }),
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom(0, 250, 500),
        (limit, window_s, lateMs) => {
          expect(worstWindow(limit, window_s, lateMs)).toBeLessThanOrEqual(limit);
        },
      ),
      { seed: SEED, numRuns: 60 },
    );
  });

  it("below ten is kept too; such a limit is never lent", () => {
    for (let limit = 1; limit < 10; limit += 1) {
      expect(worstWindow(limit, 1, 0), `limit ${limit}`).toBeLessThanOrEqual(limit);
      const { limit: quota, windowMs } = bucketOf({ limit, window_s: 1, strict: true });
      expect((quota * 500) / windowMs).toBeLessThan(4);
    }
  });

  it("lets a tenth of it come at once, and at least one", () => {
    const terms = { window_s: 1, strict: true };
    expect(bucketOf({ ...terms, limit: 9 })).toEqual({ limit: 9, windowMs: 1500, burst: 1 });
    expect(bucketOf({ ...terms, limit: 10 })).toEqual({ limit: 9, windowMs: 1500, burst: 1 });
    expect(bucketOf({ ...terms, limit: 25 })).toEqual({ limit: 23, windowMs: 1500, burst: 2 });
  });

  it("lives half a second in a lease, whatever others do", () => {
    expect(lifeOf({ limit: 1, window_s: 1, strict: true }, 5000)).toBe(500);
    expect(lifeOf({ limit: 1, window_s: 1 }, 5000)).toBe(5000);
  });
});
