/**
 * Admission: what is asked of a tenant's gate before a run, and what it answers. All limits are checked together and
 * debited together; a refusal consumes nothing. What is lent ahead of need is in `exchange.ts`.
 */

import type { RequestLimit } from "./limits.ts";
import type { Result } from "../platform/result.ts";

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

/** An admitted request's hold on its tenant's limits. `release` never throws and may be called twice. */
export interface GateSession {
  readonly rates: readonly RateView[];
  release(): void;
  /** Gives the permit away, null when there is none: whoever has it releases it, and `release` does nothing any more. */
  handOver(): string | null;
}
