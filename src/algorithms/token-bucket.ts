/**
 * Token bucket in exact integers: a bucket holds up to `burst` tokens and gains `limit` of them every `windowMs`.
 *
 * Source: RFC 2697 §3 with one bucket. Tokens are counted in parts of 1/windowMs, so a millisecond adds exactly `limit`
 * parts and nothing is ever rounded in the caller's favour: over any stretch of time at most burst + rate × elapsed
 * tokens are taken. `BigInt` because burst × windowMs exceeds 2^53 at the ends of the allowed range.
 */

/** A limit as the bucket sees it; all whole numbers, at least 1. */
export interface BucketLimit {
  readonly limit: number;
  readonly windowMs: number;
  readonly burst: number;
}

/** What is kept of a bucket between two requests: how full it was, and the limit in force then. */
export interface Bucket extends BucketLimit {
  /** Whole tokens left; negative while it is in debt. */
  readonly tokens: number;
  /** Parts of the next token, 0 to windowMs − 1. */
  readonly parts: number;
  /** When the two above were true, epoch ms. Never goes back, whatever the clock does. */
  readonly atMs: number;
}

/** A bucket that was never used is full. */
export function fullBucket(limit: BucketLimit, nowMs: number): Bucket {
  return { ...limit, tokens: limit.burst, parts: 0, atMs: nowMs };
}

/**
 * The bucket at `nowMs` under `limit`, whose window must be the bucket's own. A change of limit never refills: time that
 * has passed counts at the lower of both rates, tokens above a lowered burst are gone, a raised one fills from now on.
 */
export function refill(bucket: Bucket, limit: BucketLimit, nowMs: number): Bucket {
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  const windowMs = BigInt(limit.windowMs);
  const capacity = BigInt(Math.min(bucket.burst, limit.burst)) * windowMs;
  const gained = BigInt(Math.min(bucket.limit, limit.limit)) * BigInt(elapsedMs);
  const held = BigInt(bucket.tokens) * windowMs + BigInt(bucket.parts);
  const all = smaller(held + gained, capacity);
  // BigInt division rounds towards zero; a debt is rounded away from it, so `parts` is never negative.
  const parts = ((all % windowMs) + windowMs) % windowMs;
  return {
    ...limit,
    tokens: Number((all - parts) / windowMs),
    parts: Number(parts),
    atMs: bucket.atMs + elapsedMs,
  };
}

/** Milliseconds until a refilled bucket holds `tokens` (at most its burst), to the tick; 0 when it does already. */
export function msUntil(bucket: Bucket, limit: BucketLimit, tokens: number): number {
  const windowMs = BigInt(limit.windowMs);
  const missing =
    BigInt(tokens) * windowMs - BigInt(bucket.tokens) * windowMs - BigInt(bucket.parts);
  if (missing <= 0n) return 0;
  const rate = BigInt(limit.limit);
  return Number((missing + rate - 1n) / rate);
}

/**
 * A refilled bucket after `tokens` (whole) were taken from it. Taking more than it holds is a debt, paid off before anything
 * is granted again; a negative number gives tokens back, never above the burst.
 */
export function take(bucket: Bucket, tokens: number): Bucket {
  const left = bucket.tokens - tokens;
  return left < bucket.burst
    ? { ...bucket, tokens: left }
    : { ...bucket, tokens: bucket.burst, parts: 0 };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
