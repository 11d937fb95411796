/**
 * Exchange: what an isolate and its tenant's gate tell each other beside single admissions, in one call. Every part is
 * optional, because a new Worker may meet an old object for minutes, and an isolate sends only what it has to say.
 */

import type { BreakerAnswer, BreakerWord } from "./breaker.ts";
import type { RequestLimit } from "./limits.ts";

/** What an isolate sends. */
export interface ExchangeRequest {
  /** Random id of the isolate. */
  readonly isolate: string;
  /** Counts up with every question of this isolate; an answer to an older one is void. */
  readonly serial: number;
  readonly leases?: LeaseWishes;
  readonly breakers?: BreakerWord;
  readonly loads?: LoadWord;
}

/** What the gate answers. */
export interface ExchangeAnswer {
  /** The gate's clock, epoch ms. */
  readonly nowMs: number;
  readonly leases?: LentLimits;
  readonly breakers?: BreakerAnswer;
  /** For an isolate that spoke of loads, or was never heard of. */
  readonly loads?: LoadAnswer;
}

/** Targets of one tenant whose loads are spoken of. */
export const MAX_LOADS = 64;

/** How long a target takes, ms, and how long ago that was last measured. */
export interface TargetLoad {
  readonly target: string;
  readonly ms: number;
  readonly ageMs: number;
}

/** What an isolate has measured of targets that are chosen among, as far as it changed; at most `MAX_LOADS`. */
export interface LoadWord {
  readonly targets: readonly TargetLoad[];
}

/** What all isolates have measured lately; at most `MAX_LOADS`. */
export interface LoadAnswer {
  readonly targets: readonly TargetLoad[];
}

/** Leases an isolate asks for. */
export interface LeaseWishes {
  /** How long they should live. */
  readonly ttlMs: number;
  /** The longest a run may hold a permit. */
  readonly permitTtlMs: number;
  readonly rates: readonly RateWish[];
  readonly permits: readonly PermitWish[];
}

/** A rate limit to borrow from. Whole tokens. */
export interface RateWish {
  readonly id: string;
  readonly limit: RequestLimit;
  /** Still held of the last lease. */
  readonly left: number;
  readonly wants: number;
  /** What one request costs. */
  readonly cost: number;
  /** Spent without asking; negative: taken too much before, and given back. */
  readonly owed: number;
}

/** A concurrency limit to borrow permits of. */
export interface PermitWish {
  readonly id: string;
  readonly max: number;
  /** The isolate holds no more than this from the moment it asked; the rest it has given up. */
  readonly keep: number;
  readonly wants: number;
}

/** What was lent. */
export interface LentLimits {
  readonly rates: readonly RateLent[];
  readonly permits: readonly PermitLent[];
}

/** Tokens lent of one limit: already debited, spent at will until the lease ends. */
export interface RateLent {
  readonly id: string;
  readonly tokens: number;
  /** How long the lease lives, counted from when it was asked for. */
  readonly ttlMs: number;
  /** When less was lent than wanted: once it is spent, the isolate refuses by itself for so long. */
  readonly waitMs: number;
  /** This limit is too small to lend; every request asks. */
  readonly isExact: boolean;
  /** In the bucket after this, and until it is full again. */
  readonly remaining: number;
  readonly resetMs: number;
}

/** Permits the isolate now has of one limit, those in use included. */
export interface PermitLent {
  readonly id: string;
  readonly lent: number;
  /** This limit is too small to lend. */
  readonly isExact: boolean;
}
