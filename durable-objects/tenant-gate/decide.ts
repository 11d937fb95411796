/**
 * Decide: the gate's decision as a pure function over its state.
 *
 * Every limit of a request is checked before any is debited, so a refusal consumes nothing. The answer to a refusal is
 * when the same request would pass if nothing else came: the longest of the waits, to the millisecond.
 */

import {
  fullBucket,
  msUntil,
  refill,
  takeOne,
  type Bucket,
  type BucketLimit,
} from "../../src/algorithms/token-bucket.ts";
import type { AdmissionRefusal, AdmissionRequest, RateView } from "../../src/contract/admission.ts";
import type { RequestLimit } from "../../src/contract/limits.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import type { GateMemory } from "./gate-memory.ts";

/** A granted request: the buckets to write and how the limits stand afterwards. */
export interface Debit {
  readonly buckets: readonly { readonly id: string; readonly bucket: Bucket }[];
  readonly rates: readonly RateView[];
}

interface Refilled {
  readonly id: string;
  readonly limit: BucketLimit;
  readonly bucket: Bucket;
}

interface Wait {
  readonly code: AdmissionRefusal["code"];
  readonly limit: string;
  readonly retryAfterMs: number;
}

/** Grants the request with its debits, or refuses it. Nothing is changed; permits must have been expired up to `nowMs`. */
export function decide(
  state: GateMemory,
  request: AdmissionRequest,
  nowMs: number,
): Result<Debit, AdmissionRefusal> {
  const refilled = request.rates.map(({ id, limit }) => refillRate(state, id, limit, nowMs));
  const waits = [
    ...refilled.flatMap((rate) => rateWait(rate)),
    ...request.concurrency.flatMap(({ id, max }) => permitWait(state, id, max, nowMs)),
  ];
  const [first, ...others] = waits;
  if (first !== undefined) {
    const longest = others.reduce((a, b) => (b.retryAfterMs > a.retryAfterMs ? b : a), first);
    return fail({ ...longest, rates: refilled.map(view) });
  }
  const taken = refilled.map((rate) => ({ ...rate, bucket: takeOne(rate.bucket) }));
  return ok({
    buckets: taken.map(({ id, bucket }) => ({ id, bucket })),
    rates: taken.map(view),
  });
}

function refillRate(state: GateMemory, id: string, limit: RequestLimit, nowMs: number): Refilled {
  const bucketLimit = {
    limit: limit.limit,
    windowMs: limit.window_s * 1000,
    burst: limit.burst ?? limit.limit,
  };
  const known = state.bucket(id);
  const bucket =
    known === undefined ? fullBucket(bucketLimit, nowMs) : refill(known, bucketLimit, nowMs);
  return { id, limit: bucketLimit, bucket };
}

function rateWait({ id, limit, bucket }: Refilled): readonly Wait[] {
  const retryAfterMs = msUntil(bucket, limit, 1);
  return retryAfterMs === 0 ? [] : [{ code: "quota_exceeded", limit: id, retryAfterMs }];
}

function permitWait(state: GateMemory, id: string, max: number, nowMs: number): readonly Wait[] {
  if (state.permits.held(id) < max) return [];
  const ends = state.permits.ends(id).toSorted((a, b) => a - b);
  // So many have to end before one more fits.
  const last = ends[ends.length - max] ?? nowMs;
  return [{ code: "concurrency_exceeded", limit: id, retryAfterMs: last - nowMs }];
}

function view({ id, limit, bucket }: Refilled): RateView {
  return {
    id,
    limit: limit.limit,
    windowS: limit.windowMs / 1000,
    remaining: bucket.tokens,
    resetMs: msUntil(bucket, limit, limit.burst),
  };
}
