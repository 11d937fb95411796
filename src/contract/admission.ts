/**
 * Admission: what is asked of a tenant's gate before a run, and what it answers. All limits are checked together and
 * debited together; a refusal consumes nothing. What is lent ahead of need is in `exchange.ts`.
 */

import type { Limits, RequestLimit } from "./limits.ts";
import type { Result } from "../platform/result.ts";

/** Who asks, as far as limits know: the key with its own limits, and the subject the request is about. */
export interface Caller {
  readonly keyId: string;
  readonly limits: Limits | null;
  /** `hash` stands for the name wherever anything is kept. */
  readonly subject?: { readonly name: string; readonly hash: string } | null;
}

/** One request for admission. */
export interface AdmissionRequest {
  /** Rate limits to debit by `cost` (one when absent); `id` names the bucket for good, e.g. `tenant:60` or `key:key_…:60`. */
  readonly rates: readonly {
    readonly id: string;
    readonly limit: RequestLimit;
    readonly cost?: number;
  }[];
  /** Concurrency limits to hold a permit of, e.g. `tenant`, `key:key_…`. */
  readonly concurrency: readonly { readonly id: string; readonly max: number }[];
  /** A permit that is never released expires by itself after this long. */
  readonly permitTtlMs: number;
}

/** One rate limit after the decision. */
export interface RateView {
  readonly id: string;
  readonly limit: number;
  readonly windowS: number;
  /** Whole requests left right now. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
}

/** Granted: a permit to release when the run ends (null when no concurrency limit applies). */
export interface AdmissionGrant {
  readonly permit: string | null;
  readonly rates: readonly RateView[];
}

/** Refused, nothing was consumed. `retryAfterMs` is when the same request would pass if nothing else came. */
export interface AdmissionRefusal {
  readonly code: "quota_exceeded" | "concurrency_exceeded";
  readonly limit: string;
  readonly retryAfterMs: number;
  readonly rates: readonly RateView[];
}

/** The gate's answer. */
export type Admission = Result<AdmissionGrant, AdmissionRefusal>;

/** How limits stand, as the gate knows it. */
export interface LimitsNow {
  readonly rates: readonly {
    readonly id: string;
    /** The most the bucket holds. */
    readonly burst: number;
    /** Negative: that much was charged beyond the limit. */
    readonly left: number;
    /** Lent to isolates and not yet known to be spent. */
    readonly leased: number;
    readonly resetMs: number;
  }[];
  readonly permits: readonly {
    readonly id: string;
    /** Held one by one. */
    readonly held: number;
    /** Lent to isolates, used or not. */
    readonly leased: number;
  }[];
}

/** An admitted request's hold on its tenant's limits. `release` never throws and may be called twice. */
export interface GateSession {
  readonly rates: readonly RateView[];
  release(): void;
  /** Gives the permit away, null when there is none: whoever has it releases it, and `release` does nothing any more. */
  handOver(): string | null;
}
