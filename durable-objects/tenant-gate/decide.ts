/**
 * Decide: the gate's decision as a pure function over its state.
 *
 * Every limit of a request is checked before any is debited, so a refusal consumes nothing. The answer to a refusal is
 * when the same request would pass if nothing else came: the longest of the waits, to the millisecond.
 */

import { bucketOf } from "../../src/algorithms/rate-promise.ts";
import { msUntil, take, type Bucket, type BucketLimit } from "../../src/algorithms/token-bucket.ts";
import type { AdmissionRefusal, AdmissionRequest, RateView } from "../../src/contract/admission.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import type { GateMemory } from "./gate-memory.ts";
import type { BucketDebit } from "./lease-table.ts";

/** A granted request: the buckets to write and how the limits stand afterwards. */
export interface Debit {
  readonly buckets: readonly BucketDebit[];
  readonly rates: readonly RateView[];
}

interface Refilled {
  readonly id: string;
  readonly cost: number;
  /** What the policy says; the bucket may hold less, so that the promise is kept. */
  readonly told: { readonly limit: number; readonly windowS: number };
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
  const refilled = request.rates.map((rate) => refillRate(state, rate, nowMs));
  const waits = [
    ...refilled.flatMap((rate) => rateWait(rate)),
    ...request.concurrency.flatMap(({ id, max }) => permitWait(state, id, max, nowMs)),
  ];
  const [first, ...others] = waits;
  if (first !== undefined) {
    const longest = others.reduce((a, b) => (b.retryAfterMs > a.retryAfterMs ? b : a), first);
    return fail({ ...longest, rates: refilled.map(view) });
  }
  const taken = refilled.map((rate) => ({ ...rate, bucket: take(rate.bucket, rate.cost) }));
  return ok({
    buckets: taken.map(({ id, bucket }) => ({ id, bucket })),
    rates: taken.map(view),
  });
}

function refillRate(
  state: GateMemory,
  { id, limit, cost = 1 }: AdmissionRequest["rates"][number],
  nowMs: number,
): Refilled {
  const bucketLimit = bucketOf(limit);
  const bucket = state.current(id, bucketLimit, nowMs);
  const told = { limit: limit.limit, windowS: limit.window_s };
  return { id, cost, told, limit: bucketLimit, bucket };
}

function rateWait({ id, cost, limit, bucket }: Refilled): readonly Wait[] {
  // What costs more than the burst passes when the bucket is full, and the rest is a debt.
  const retryAfterMs = msUntil(bucket, limit, Math.min(cost, limit.burst));
  return retryAfterMs === 0 ? [] : [{ code: "quota_exceeded", limit: id, retryAfterMs }];
}

function permitWait(state: GateMemory, id: string, max: number, nowMs: number): readonly Wait[] {
  if (state.permits.held(id) + state.leases.lent(id) < max) return [];
  const ends = [...state.permits.ends(id), ...state.leases.ends(id)].toSorted((a, b) => a - b);
  // So many have to end before one more fits.
  const last = ends[ends.length - max] ?? nowMs;
  return [{ code: "concurrency_exceeded", limit: id, retryAfterMs: last - nowMs }];
}

function view({ id, told, limit, bucket }: Refilled): RateView {
  return {
    id,
    ...told,
    remaining: bucket.tokens,
    resetMs: msUntil(bucket, limit, limit.burst),
  };
}
