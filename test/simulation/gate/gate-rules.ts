/**
 * What must hold of a tenant's limits at every event, whatever goes wrong. All of it is by the gate's clock, which is the
 * world's; what passes on credit while the gate cannot be reached is held to the share of the last lease instead.
 */

import { SLACK_MS as BUNDLE_SLACK_MS } from "../../../durable-objects/tenant-gate/lease-table.ts";
import { SLACK_MS as SLOT_SLACK_MS } from "../../../durable-objects/tenant-gate/permit-pool.ts";
import { MAX_LEASE_MS } from "../../../src/algorithms/lease-size.ts";
import { SHARE_PART } from "../../../src/algorithms/permit-bundle.ts";
import { bucketOf } from "../../../src/algorithms/rate-promise.ts";
import type { BucketLimit } from "../../../src/algorithms/token-bucket.ts";
import { windowBound } from "../leases/lease-world.ts";
import type { PlannedLimit } from "./gate-plan.ts";

/** What a world can violate. */
export type GateGuarantee =
  | "no more than burst + rate × elapsed is admitted"
  | "no window sees more than burst + rate × (window + lease)"
  | "no more run at once than may"
  | "no balance is negative"
  | "a refusal consumes nothing"
  | "a gate that lost its memory lends nothing until old leases are over"
  | "a question that comes too late is not answered"
  | "a lease is not spent after its end"
  | "credit stays within the share of the last lease"
  | "everything drains once faults are over"
  | "full throughput returns once faults are over";

/** One broken guarantee. */
export interface GateViolation {
  readonly guarantee: GateGuarantee;
  readonly what: string;
}

/** A permit that is not given back ends after this; longer than any run and any jump of a clock. */
export const PERMIT_TTL_MS = 12_000;

/**
 * The longest a permit may count after the storm: one whose row is all that a gate remembers, lent to an isolate that died. It may
 * have started runs until its lease ended and, while the gate was away, for a share of a run's life after; and these may last.
 */
export const DRAINED_AFTER_MS = Math.max(
  MAX_LEASE_MS + (1 + SHARE_PART) * PERMIT_TTL_MS + BUNDLE_SLACK_MS,
  PERMIT_TTL_MS + SLOT_SLACK_MS,
);

interface Admitted {
  readonly atMs: number;
  readonly tokens: number;
}

/** Rounding of amounts that are sums of fractions. */
const EPSILON = 1e-6;

/** All that was admitted under one limit. */
export class LimitRecord {
  readonly planned: PlannedLimit;
  readonly bucket: BucketLimit;
  /** Admitted in all, without what was taken on credit. */
  total = 0;
  /** The isolates' credit made the bucket's debt possible. */
  hasDebt = false;
  readonly #startMs: number;
  readonly #perMs: number;
  readonly #recent: Admitted[] = [];
  #first = 0;
  #inWindow = 0;

  constructor(planned: PlannedLimit, startMs: number) {
    this.planned = planned;
    this.bucket = bucketOf(planned.limit);
    this.#startMs = startMs;
    this.#perMs = this.bucket.limit / this.bucket.windowMs;
  }

  /** Notes what was admitted; answers what that breaks. */
  admit(tokens: number, nowMs: number): GateViolation | null {
    this.total += tokens;
    // The gate's clock counts whole milliseconds, so it may be one ahead.
    const allowed = this.bucket.burst + this.#perMs * (nowMs - this.#startMs + 1);
    if (this.total > allowed + EPSILON) {
      const what = `${this.planned.id}: ${this.total} of ${allowed.toFixed(2)}`;
      return { guarantee: "no more than burst + rate × elapsed is admitted", what };
    }
    this.#recent.push({ atMs: nowMs, tokens });
    this.#inWindow += tokens;
    for (;;) {
      const oldest = this.#recent[this.#first];
      if (oldest === undefined || oldest.atMs > nowMs - this.bucket.windowMs) break;
      this.#inWindow -= oldest.tokens;
      this.#first += 1;
    }
    const bound = windowBound(this.planned.limit, MAX_LEASE_MS) + this.#perMs;
    if (this.#inWindow <= bound + EPSILON) return null;
    const what = `${this.planned.id}: ${this.#inWindow} of ${bound.toFixed(2)}`;
    return { guarantee: "no window sees more than burst + rate × (window + lease)", what };
  }
}

/**
 * What one isolate may take on credit of one limit, as the world sees it: from one lease to the next no more than that lease's rate
 * gives in the time that passes on the isolate's clock. What was left or taken under an earlier lease, and what its clock jumped
 * then, is none of the next one's.
 */
export class ShareRecord {
  #perMs = 0;
  #sinceMs = 0;
  #jumpedMs = 0;
  #taken = 0;

  /** A lease of `tokens` for `ttlMs` was taken over; the isolate's clock has jumped by `jumpedMs` in its life. */
  lease(tokens: number, ttlMs: number, jumpedMs: number, nowMs: number): void {
    this.#perMs = tokens / ttlMs;
    this.#sinceMs = nowMs;
    this.#jumpedMs = jumpedMs;
    this.#taken = 0;
  }

  /** Notes credit; `jumpedMs` as in `lease`. */
  take(tokens: number, jumpedMs: number, nowMs: number): GateViolation | null {
    this.#taken += tokens;
    // The isolate's clock counts whole milliseconds, so it may be one ahead.
    const passedMs = nowMs - this.#sinceMs + (jumpedMs - this.#jumpedMs) + 1;
    const allowed = this.#perMs * passedMs;
    if (this.#taken <= allowed + EPSILON) return null;
    const what = `${this.#taken} of ${allowed.toFixed(2)}`;
    return { guarantee: "credit stays within the share of the last lease", what };
  }
}
