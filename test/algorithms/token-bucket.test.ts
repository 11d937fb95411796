import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  fullBucket,
  msUntil,
  refill,
  take,
  type Bucket,
  type BucketLimit,
} from "../../src/algorithms/token-bucket.ts";

const SEED = 20_261_122;

const small = fc.record({
  limit: fc.integer({ min: 1, max: 50 }),
  windowMs: fc.integer({ min: 1, max: 500 }),
  burst: fc.integer({ min: 1, max: 20 }),
});

const extreme = fc.record({
  limit: fc.integer({ min: 1, max: 1_000_000_000 }),
  windowMs: fc.integer({ min: 1000, max: 86_400_000 }),
  burst: fc.integer({ min: 1, max: 1_000_000_000 }),
});

/** Takes a token at `nowMs` if there is one. */
function ask(
  bucket: Bucket,
  limit: BucketLimit,
  nowMs: number,
): { bucket: Bucket; granted: boolean } {
  const refilled = refill(bucket, limit, nowMs);
  return refilled.tokens > 0
    ? { bucket: take(refilled, 1), granted: true }
    : { bucket: refilled, granted: false };
}

/** The obvious bucket: walks every millisecond and adds `limit` parts, never above the burst. */
class SlowBucket {
  #parts: bigint;
  #atMs: number;
  readonly #limit: BucketLimit;

  constructor(limit: BucketLimit, nowMs: number) {
    this.#limit = limit;
    this.#parts = BigInt(limit.burst) * BigInt(limit.windowMs);
    this.#atMs = nowMs;
  }

  ask(nowMs: number): boolean {
    const capacity = BigInt(this.#limit.burst) * BigInt(this.#limit.windowMs);
    for (; this.#atMs < nowMs; this.#atMs += 1) {
      this.#parts += BigInt(this.#limit.limit);
      if (this.#parts > capacity) this.#parts = capacity;
    }
    if (this.#parts < BigInt(this.#limit.windowMs)) return false;
    this.#parts -= BigInt(this.#limit.windowMs);
    return true;
  }
}

describe("take", () => {
  it("gives back up to the burst, where parts of a token have no room", () => {
    const bucket = { limit: 10, windowMs: 100, burst: 5, tokens: 4, parts: 60, atMs: 7 };
    expect(take(bucket, -1)).toEqual({ ...bucket, tokens: 5, parts: 0 });
    expect(take(bucket, -9)).toEqual({ ...bucket, tokens: 5, parts: 0 });
    expect(take(bucket, 1)).toEqual({ ...bucket, tokens: 3 });
  });
});

describe("token bucket", () => {
  it("grants exactly what a bucket walked millisecond by millisecond grants", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 80 });
    fc.assert(
      fc.property(small, gaps, (limit, waits) => {
        const slow = new SlowBucket(limit, 1000);
        let bucket = fullBucket(limit, 1000);
        let nowMs = 1000;
        for (const wait of waits) {
          nowMs += wait;
          const asked = ask(bucket, limit, nowMs);
          bucket = asked.bucket;
          expect(asked.granted).toBe(slow.ask(nowMs));
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("never grants more than burst + rate × elapsed, over any stretch, at the ends of the range too", () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 100_000_000 }), { maxLength: 50 });
    fc.assert(
      fc.property(extreme, gaps, (limit, waits) => {
        let bucket = fullBucket({ ...limit, burst: Math.min(limit.burst, 5) }, 0);
        const used = { ...limit, burst: Math.min(limit.burst, 5) };
        let nowMs = 0;
        let granted = 0n;
        for (const wait of waits) {
          nowMs += wait;
          const asked = ask(bucket, used, nowMs);
          bucket = asked.bucket;
          if (asked.granted) granted += 1n;
          const allowed =
            BigInt(used.burst) * BigInt(used.windowMs) + BigInt(used.limit) * BigInt(nowMs);
          expect(granted * BigInt(used.windowMs) <= allowed).toBe(true);
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("says to the millisecond when the next token comes", () => {
    fc.assert(
      fc.property(small, fc.integer({ min: 0, max: 40 }), (limit, extra) => {
        let bucket = fullBucket(limit, 0);
        for (let taken = 0; taken < limit.burst; taken += 1) bucket = take(bucket, 1);
        bucket = refill(bucket, limit, Math.min(extra, Math.floor(limit.windowMs / limit.limit)));
        fc.pre(bucket.tokens === 0);
        const waitMs = msUntil(bucket, limit, 1);
        expect(ask(bucket, limit, bucket.atMs + waitMs - 1).granted).toBe(false);
        expect(ask(bucket, limit, bucket.atMs + waitMs).granted).toBe(true);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("is exact where burst × window exceeds 2^53", () => {
    const limit = { limit: 1_000_000_000, windowMs: 86_400_000, burst: 1_000_000_000 };
    const empty: Bucket = { ...limit, tokens: 0, parts: 0, atMs: 0 };
    expect(msUntil(empty, limit, limit.burst)).toBe(86_400_000);
    expect(refill(empty, limit, 86_399_999).tokens).toBe(999_999_988);
    expect(refill(empty, limit, 86_400_000)).toEqual(fullBucket(limit, 86_400_000));
  });

  it("is not refilled by any sequence of changes to its limit", () => {
    const steps = fc.array(
      fc.record({
        limit: fc.integer({ min: 1, max: 1000 }),
        burst: fc.integer({ min: 1, max: 1000 }),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, (changes) => {
        const start = { limit: 10, windowMs: 1000, burst: 10 };
        let bucket = take(fullBucket(start, 0), 1);
        for (const change of changes) {
          const before = bucket.tokens;
          bucket = refill(bucket, { ...start, ...change }, 0);
          expect(bucket.tokens).toBeLessThanOrEqual(before);
        }
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("counts the time before a change at the lower of both rates", () => {
    const slow = { limit: 1, windowMs: 1000, burst: 100 };
    const fast = { limit: 100, windowMs: 1000, burst: 100 };
    const empty: Bucket = { ...slow, tokens: 0, parts: 0, atMs: 0 };
    expect(refill(empty, fast, 1000).tokens).toBe(1);
    expect(refill(refill(empty, fast, 1000), fast, 2000).tokens).toBe(100);
    expect(refill({ ...empty, ...fast }, slow, 1000).tokens).toBe(1);
  });

  it("gains nothing from a clock that goes back", () => {
    const limit = { limit: 10, windowMs: 1000, burst: 10 };
    const empty: Bucket = { ...limit, tokens: 0, parts: 0, atMs: 5000 };
    expect(refill(empty, limit, 1000)).toEqual(empty);
  });
});
