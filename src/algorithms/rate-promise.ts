/**
 * The bucket that keeps what a rate limit promises.
 *
 * An ordinary limit is a bucket of its burst (default: a whole window's quota) that gains `limit` a window. A strict one promises
 * at most L in every window W: a bucket of burst b and rate r, lent for at most T, admits at most b + r × (W + T) in any
 * window, so b = L / 10 and r = (L − b) / (W + T) keep the promise exactly. Below ten the bucket holds one token and gains L in
 * W + T: one and what comes in a window is less than L + 1. Such limits are too small to be lent.
 */

import { MIN_LEASE_MS } from "./lease-size.ts";
import type { BucketLimit } from "./token-bucket.ts";

/** Of a strict limit this part may come at once. */
const STRICT_BURST_PART = 10;

/** A rate limit as it is written in a policy. */
export interface RateTerms {
  readonly limit: number;
  readonly window_s: number;
  readonly burst?: number | undefined;
  readonly strict?: boolean | undefined;
}

/** The bucket of a limit. */
export function bucketOf({ limit, window_s, burst, strict }: RateTerms): BucketLimit {
  const windowMs = window_s * 1000;
  if (strict !== true) return { limit, windowMs, burst: burst ?? limit };
  const atOnce = Math.floor(limit / STRICT_BURST_PART);
  const leasedMs = windowMs + MIN_LEASE_MS;
  if (atOnce === 0) return { limit, windowMs: leasedMs, burst: 1 };
  return { limit: limit - atOnce, windowMs: leasedMs, burst: atOnce };
}

/** How long a lease of this limit may live when others live `ttlMs`. */
export function lifeOf({ strict }: RateTerms, ttlMs: number): number {
  return strict === true ? Math.min(ttlMs, MIN_LEASE_MS) : ttlMs;
}
