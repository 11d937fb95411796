/**
 * The bucket that keeps what a rate limit promises.
 *
 * An ordinary limit is a bucket of its burst (default: a whole window's quota) that gains `limit` a window.
 */

import type { BucketLimit } from "./token-bucket.ts";

/** A rate limit as it is written in a policy. */
export interface RateTerms {
  readonly limit: number;
  readonly window_s: number;
  readonly burst?: number | undefined;
}

/** The bucket of a limit. */
export function bucketOf({ limit, window_s, burst }: RateTerms): BucketLimit {
  return { limit, windowMs: window_s * 1000, burst: burst ?? limit };
}
