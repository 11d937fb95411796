/**
 * GateMemory: what the gate decides on, and what of it must be on disk before an answer leaves.
 *
 * A row written costs milliseconds, so not every debit writes one. Instead the disk is always at least as strict as memory: a saved bucket holds
 * no more than the real one, a saved permit lasts no shorter than the real one. Losing memory therefore never admits
 * anything more; it may cost up to two seconds' worth of a fast limit, and a twentieth of a large concurrency limit until those
 * permits end. Limits too small or slow for such a reserve are saved exactly, at every debit.
 */

import {
  fullBucket,
  refill,
  type Bucket,
  type BucketLimit,
} from "../../src/algorithms/token-bucket.ts";
import { LeaseTable } from "./lease-table.ts";
import { PermitPool } from "./permit-pool.ts";

/** Buckets held before full ones are forgotten: a full bucket and an unknown one are the same. */
export const MAX_BUCKETS = 4096;

/** For so long after being saved a bucket gains nothing on disk, and so many milliseconds' refill may be held back. */
const HORIZON_MS = 1000;

/** Of a burst, at most this part is held back. */
const RESERVED_PART = 20;

export class GateMemory {
  readonly permits = new PermitPool();
  readonly leases = new LeaseTable();
  readonly #buckets = new Map<string, Bucket>();
  readonly #saved = new Map<string, Bucket>();

  /** The bucket as last debited, or undefined when it was never used. */
  bucket(id: string): Bucket | undefined {
    return this.#buckets.get(id);
  }

  /** The bucket now, under `limit`; one that was never used is full. What is lent out of it counts against its burst. */
  current(id: string, limit: BucketLimit, nowMs: number): Bucket {
    const known = this.#buckets.get(id);
    const bucket = known === undefined ? fullBucket(limit, nowMs) : refill(known, limit, nowMs);
    const most = this.leases.most(id, limit, nowMs);
    return bucket.tokens < most || most === limit.burst
      ? bucket
      : { ...bucket, tokens: most, parts: 0 };
  }

  /** Permits that hold the limit `id`, one by one. */
  held(id: string): number {
    return this.permits.held(id);
  }

  /** Takes over a saved bucket. */
  load(id: string, saved: Bucket): void {
    this.#buckets.set(id, saved);
    this.#saved.set(id, saved);
  }

  /** Puts a debited bucket in force. Answers the row to write before the debit is told, or null when the disk is strict enough. */
  debit(id: string, bucket: Bucket): Bucket | null {
    this.#buckets.set(id, bucket);
    const saved = this.#saved.get(id);
    if (saved !== undefined && isAsStrict(saved, bucket)) return null;
    const row = withReserve(bucket);
    this.#saved.set(id, row);
    return row;
  }

  /** Forgets the full buckets once there are too many; returns their ids. */
  forgetFull(nowMs: number): readonly string[] {
    if (this.#buckets.size <= MAX_BUCKETS) return [];
    const full: string[] = [];
    for (const [id, bucket] of this.#buckets) {
      if (refill(bucket, bucket, nowMs).tokens >= bucket.burst) full.push(id);
    }
    for (const id of full) {
      this.#buckets.delete(id);
      this.#saved.delete(id);
    }
    return full;
  }
}

/** True when restarting from `saved` can never give more than going on from `bucket`: the same limit, and no more in it. */
function isAsStrict(saved: Bucket, bucket: Bucket): boolean {
  if (saved.limit !== bucket.limit || saved.burst !== bucket.burst) return false;
  const then = refill(saved, bucket, bucket.atMs);
  return (
    then.tokens < bucket.tokens || (then.tokens === bucket.tokens && then.parts <= bucket.parts)
  );
}

/** The bucket with a reserve taken out, dated ahead; exactly the bucket when its limit is too small or slow for one. */
function withReserve(bucket: Bucket): Bucket {
  const quick = Math.floor((bucket.limit * HORIZON_MS) / bucket.windowMs);
  const reserve = Math.min(Math.floor(bucket.burst / RESERVED_PART), quick);
  if (reserve === 0) return bucket;
  const tokens = Math.min(bucket.tokens, Math.max(0, bucket.tokens - reserve));
  return { ...bucket, tokens, atMs: bucket.atMs + HORIZON_MS };
}
