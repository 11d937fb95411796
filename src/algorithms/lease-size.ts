/**
 * How much of a bucket to lend to one of the isolates that spend it.
 *
 * What the bucket holds and will gain during a lease is shared max-min over what everybody asks for (Doorman's FAIR_SHARE,
 * github.com/youtube/doorman; the arithmetic is water-filling). The asker gets its share less what it still has, never more
 * than is there now: tokens leave the bucket when they are lent, so nothing can be spent twice. A share of less than four
 * requests a lease is not worth lending: such limits are decided one by one, exactly. A trickle is not lent either: an isolate whose
 * part of the bucket is empty waits until half a share (or half a burst, if that is less) has come.
 */

import { waterFill } from "./water-filling.ts";

/** Shortest life of a lease, milliseconds. */
export const MIN_LEASE_MS = 500;
/** Longest life of a lease, milliseconds. */
export const MAX_LEASE_MS = 5000;

/** A lease lives so many measured round trips. */
const ROUND_TRIPS = 4;

/** Shares below this many requests a lease are decided one by one. */
const LEAST_REQUESTS = 4;

/**
 * A lease is at most so many even shares of what comes in its life: a burst spends what the bucket has saved by asking, or one
 * isolate would sit on it while others are refused.
 */
const MOST_EVEN_SHARES = 2;

/** A refusal of a lent limit holds at least this long, so a flood costs an isolate four questions a second. */
export const LEAST_DENIAL_MS = 250;

/** Who asks, and for what. Amounts are whole tokens. */
export interface LeaseWish {
  /** What the asker still has and may spend. */
  readonly left: number;
  /** What it wants on top for the life of the lease. */
  readonly wants: number;
  /** What one of its requests costs, at least 1. */
  readonly cost: number;
}

/** What there is to lend. */
export interface LeasePurse {
  /** Whole tokens in the bucket, negative while it is in debt. */
  readonly tokens: number;
  /** Tokens it gains in a millisecond, and the most it holds. */
  readonly perMs: number;
  readonly burst: number;
}

/** Tokens lent, and for how long the isolate refuses by itself once they are spent; `exact`: to be decided one by one. */
export type LeaseSize =
  | { readonly kind: "lent"; readonly tokens: number; readonly waitMs: number }
  | { readonly kind: "exact" };

/** clamp(4 × the measured round trip, 0.5 s, 5 s), whole milliseconds. */
export function leaseLifeMs(roundTripMs: number): number {
  return Math.round(Math.min(MAX_LEASE_MS, Math.max(MIN_LEASE_MS, ROUND_TRIPS * roundTripMs)));
}

/** What to lend for `ttlMs` when `others` (their demand for one lease each) borrow from the same bucket. */
export function leaseSize(
  purse: LeasePurse,
  wish: LeaseWish,
  others: readonly number[],
  ttlMs: number,
): LeaseSize {
  const gain = purse.perMs * ttlMs;
  const perAsker = gain / (others.length + 1);
  if (perAsker < LEAST_REQUESTS * wish.cost) return { kind: "exact" };
  const capacity = Math.max(0, Math.floor(purse.tokens + gain));
  const [share = 0] = waterFill([wish.left + wish.wants, ...others], capacity);
  const wants = Math.min(wish.wants, Math.ceil(perAsker * MOST_EVEN_SHARES));
  const lent = Math.max(0, Math.min(wants, share - wish.left, purse.tokens));
  // A bucket never holds more than its burst, so more must not be waited for.
  const quantum = Math.max(wish.cost, Math.floor(Math.min(perAsker, purse.burst) / 2));
  if (lent >= wants) return { kind: "lent", tokens: wants, waitMs: 0 };
  const tokens = lent >= quantum ? lent : 0;
  const rest = { ...purse, tokens: purse.tokens - tokens };
  return { kind: "lent", tokens, waitMs: denialMs(rest, quantum) };
}

/** How long an isolate refuses by itself: until `wanted` has come, but neither for too short nor until the bucket overflows. */
export function denialMs(purse: LeasePurse, wanted: number): number {
  const comesMs = Math.max(0, wanted - purse.tokens) / purse.perMs;
  const overflowsMs = purse.burst / purse.perMs / 4;
  return Math.ceil(Math.max(comesMs, Math.min(LEAST_DENIAL_MS, overflowsMs)));
}
