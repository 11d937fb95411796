/**
 * Crowd: the concurrency layer of a guarded call. An attempt takes a place at its target and is given as much time as answers
 * of this target need.
 *
 * What is known of a target is the isolate's, by tenant, and bounded: the one that was used least lately is forgotten.
 */

import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { Verdict } from "../contract/upstream-session.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { type Clock, PLATFORM_CLOCK } from "../platform/clock.ts";
import { AttemptTimes } from "./attempt-times.ts";
import { ConcurrencyLimit, type PlaceEnd } from "./concurrency.ts";
import { OUT_OF_TIME } from "./give-up.ts";
import type { Tier } from "./shedding.ts";

/** Targets of all tenants that an isolate knows. */
export const MAX_CROWDS = 4_000;

/** A target that was not used for so long is forgotten. */
const FORGOTTEN_AFTER_MS = 3_600_000;

/** For whom an attempt is made. */
export interface Rank {
  readonly tier: Tier;
  /** Names its run. */
  readonly run: string;
}

/** A place at a target. */
export interface Place {
  /** How long to wait for an answer when another attempt may follow, ms; at most `leftMs`. */
  timeoutMs(leftMs: number): number;
  /** Gives the place back, once. */
  leave(verdict: Verdict, tookMs: number): void;
}

/** An attempt for which there is no room, with when there would be. */
export interface NoRoom {
  readonly retryAfterMs: number;
}

/** At a target that is never crowded. */
export const EMPTY: Place = { timeoutMs: (leftMs) => leftMs, leave: () => undefined };

/**
 * Takes a place at a target until `endsAtMs` at the latest; null: turned away, or `signal` aborted; `NoRoom`: turned away, and when to
 * come back. `isSpare`: nobody would miss the attempt.
 */
export type EnterCrowd = (
  target: string,
  endsAtMs: number,
  isSpare: boolean,
  signal: AbortSignal,
) => Promise<Place | NoRoom | null>;

interface Known {
  readonly limit: ConcurrencyLimit;
  readonly times: AttemptTimes;
}

const crowds = new BoundedMap<string, Known>(MAX_CROWDS);

/** The crowds of one tenant's targets under its policy; null when it wants none. */
export function crowdOf(
  tenantId: string,
  { concurrency: mode }: ResiliencePolicy,
  { tier, run }: Rank,
  clock: Clock = PLATFORM_CLOCK,
): EnterCrowd | null {
  if (mode === "off" || mode === undefined) return null;
  return async (target, endsAtMs, isSpare, signal) => {
    const key = `${tenantId}/${target}`;
    const nowMs = clock.now();
    const known = crowds.get(key, nowMs) ?? {
      limit: new ConcurrencyLimit(clock),
      times: new AttemptTimes(),
    };
    crowds.set(key, known, nowMs + FORGOTTEN_AFTER_MS);
    const leave = await known.limit.enter(
      { mode, tier: isSpare ? "spare" : tier, run, endsAtMs },
      signal,
    );
    if (leave === null) return null;
    return {
      timeoutMs: (leftMs) => (mode === "adaptive" ? known.times.timeoutMs(leftMs) : leftMs),
      leave(verdict, tookMs) {
        if (verdict.class === "ok") known.times.answered(tookMs, clock.now());
        else if (verdict === OUT_OF_TIME) known.times.gaveUp();
        leave(END_OF[verdict.class]);
      },
    };
  };
}

/** What an end says of how crowded the target is. Errors are the breaker's business. */
const END_OF: Readonly<Record<Verdict["class"], PlaceEnd>> = {
  ok: "answered",
  timed_out: "dropped",
  rate_limited: "dropped",
  failed: "ignored",
  credential: "ignored",
  lost: "ignored",
  ignored: "ignored",
};
