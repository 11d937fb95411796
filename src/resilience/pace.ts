/**
 * Pace: how fast attempts go to a target that has refused some for being too many, where the tenant's policy says `adaptive`.
 *
 * The rate is found by `algorithms/aimd-rate.ts` and bounded by what the target's own headers say is left. An attempt for which
 * there is no room waits its turn, so many at once and each for so long as the policy allows; one that would not pass in that
 * time, or finds too many waiting, is refused at once with when it would pass. One whose caller leaves is out at once and has
 * taken nothing. A target that has refused nobody for half a minute, and let nobody wait, is not paced any more.
 *
 * What is known is the isolate's, by tenant and target. Isolates learn apart: each finds its part of what the target takes,
 * because all are refused in proportion. Each waiter sleeps by itself and looks again when its turn should have come, because code
 * of one request must not do the work of another; places of an invocation that was torn down are forgotten when they end.
 */

import {
  accepted,
  type AimdRate,
  type RateSample,
  refused,
  UNBOUNDED,
} from "../algorithms/aimd-rate.ts";
import { addToRate, type DecayingRate, NO_RATE, ratePerMs } from "../algorithms/decaying-rate.ts";
import type { Backpressure } from "../contract/backpressure.ts";
import type { Quota } from "../contract/quota.ts";
import type { AttemptClass } from "../contract/upstream-session.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { type Clock, PLATFORM_CLOCK } from "../platform/clock.ts";
import { EMPTY, type EnterCrowd } from "./crowd.ts";

/** Targets of all tenants that an isolate paces. */
const MAX_PACES = 4_000;

/** A target that was not used for so long is forgotten. */
const FORGOTTEN_AFTER_MS = 600_000;

/** What is sent is averaged over this. */
const SENT_TAU_MS = 1_000;

/** What may go at once, as a stretch of the rate's time. */
const BURST_MS = 100;

/** Without a refusal and a waiter for so long it is not paced any more. */
const CALM_MS = 30_000;

/** Waiters look again this often, or rarer when they are many: others may have left, or the rate may have grown. */
const LOOK_MS = 100;

/** Headers that say again and again that something is used up count this often. */
const SPENT_EVERY_MS = 1_000;

interface Waiter {
  readonly leavesAtMs: number;
}

/** The pace of one target of one tenant, as one isolate sees it. */
export class TargetPace {
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #rate: AimdRate = UNBOUNDED;
  #sent: DecayingRate = NO_RATE;
  #quota = { perMs: Infinity, untilMs: 0 };
  #tokens = 1;
  #filledAtMs = 0;
  #calmSinceMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Attempts a millisecond that may go now. */
  perMs(nowMs: number): number {
    const told = nowMs < this.#quota.untilMs ? this.#quota.perMs : Infinity;
    return Math.min(this.#rate.perMs, told);
  }

  /** Attempts that wait for their turn. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Resolves with 0 when an attempt may go, else with how long it would have to wait; at once when `signal` aborts. */
  async enter(maxQueue: number, leavesAtMs: number, signal: AbortSignal): Promise<number> {
    let nowMs = this.#clock.now();
    for (const waiter of this.#waiters)
      if (waiter.leavesAtMs <= nowMs) this.#waiters.delete(waiter);
    let waitMs = this.#waitMs(this.#waiters.size, nowMs);
    if (waitMs > 0) {
      this.#calmSinceMs = nowMs;
      if (this.#waiters.size >= maxQueue) return waitMs;
      const waiter = { leavesAtMs };
      this.#waiters.add(waiter);
      while (waitMs > 0 && nowMs + waitMs <= leavesAtMs && !signal.aborted) {
        const lookMs = Math.max(LOOK_MS, this.#waiters.size);
        await this.#clock.sleep(Math.ceil(Math.min(waitMs, lookMs)), signal);
        nowMs = this.#clock.now();
        waitMs = this.#waitMs(this.#before(waiter), nowMs);
      }
      this.#waiters.delete(waiter);
      if (waitMs > 0 || signal.aborted) return Math.max(1, waitMs);
    }
    this.#tokens -= 1;
    this.#sent = addToRate(this.#sent, 1, nowMs, SENT_TAU_MS);
    return 0;
  }

  /** An attempt that was let go was not sent after all. */
  giveBack(): void {
    this.#tokens += 1;
  }

  /** How an attempt ended. */
  ended(end: AttemptClass, sentAtMs: number): void {
    const nowMs = this.#clock.now();
    const sample = this.#sampleOf(sentAtMs, nowMs);
    if (end === "ok") this.#rate = accepted(this.#rate, sample);
    else if (end === "rate_limited") this.#fall(sample);
    if (nowMs - this.#calmSinceMs > CALM_MS) this.#rate = UNBOUNDED;
  }

  /** What the target's headers said. */
  told({ perMs, forMs, isSpent }: Quota): void {
    const nowMs = this.#clock.now();
    if (perMs !== null) this.#quota = { perMs, untilMs: nowMs + forMs };
    // It would refuse the next one.
    if (isSpent) this.#fall(this.#sampleOf(nowMs - SPENT_EVERY_MS, nowMs));
  }

  #sampleOf(sentAtMs: number, nowMs: number): RateSample {
    return { sentAtMs, nowMs, sentPerMs: ratePerMs(this.#sent, nowMs, SENT_TAU_MS) };
  }

  #fall(sample: RateSample): void {
    this.#rate = refused(this.#rate, sample);
    this.#calmSinceMs = sample.nowMs;
  }

  /** How long somebody behind so many others has to wait. */
  #waitMs(before: number, nowMs: number): number {
    const perMs = this.perMs(nowMs);
    const burst = perMs === 0 ? 0 : Math.max(1, perMs * BURST_MS);
    const gained = perMs === Infinity ? Infinity : perMs * Math.max(0, nowMs - this.#filledAtMs);
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#filledAtMs = nowMs;
    const missing = before + 1 - this.#tokens;
    if (missing <= 0) return 0;
    return perMs === 0 ? this.#quota.untilMs - nowMs : missing / perMs;
  }

  #before(waiter: Waiter): number {
    let n = 0;
    for (const other of this.#waiters) {
      if (other === waiter) break;
      n += 1;
    }
    return n;
  }
}

/** How attempts of one tenant are paced. */
export interface Pacing {
  /** The layer that lets an attempt to a target wait, before it takes its place in `crowd`. */
  enter(crowd: EnterCrowd | null): EnterCrowd;
  /** What a target's headers said; null: nothing. */
  told(target: string, quota: Quota | null): void;
}

const paces = new BoundedMap<string, TargetPace>(MAX_PACES);

/** The pacing of a tenant's attempts; null when its policy wants none. */
export function pacingOf(
  tenantId: string,
  backpressure: Backpressure | undefined,
  clock: Clock = PLATFORM_CLOCK,
): Pacing | null {
  if (backpressure?.strategy !== "adaptive") return null;
  const { max_queue: maxQueue, max_wait_ms: maxWaitMs } = backpressure;
  const paceOf = (target: string): TargetPace => {
    const key = `${tenantId}/${target}`;
    const nowMs = clock.now();
    const pace = paces.get(key, nowMs) ?? new TargetPace(clock);
    paces.set(key, pace, nowMs + FORGOTTEN_AFTER_MS);
    return pace;
  };
  return {
    told(target, quota) {
      if (quota !== null) paceOf(target).told(quota);
    },
    enter: (crowd) => async (target, endsAtMs, isSpare, signal) => {
      const pace = paceOf(target);
      const leavesAtMs = Math.min(endsAtMs, clock.now() + maxWaitMs);
      // Nobody would miss a spare attempt: it goes when there is room, or not at all.
      const waitMs = await pace.enter(isSpare ? 0 : maxQueue, leavesAtMs, signal);
      if (waitMs > 0) return { retryAfterMs: waitMs };
      const place = crowd === null ? EMPTY : await crowd(target, endsAtMs, isSpare, signal);
      if (place === null || "retryAfterMs" in place) {
        pace.giveBack();
        return place;
      }
      return {
        timeoutMs: (leftMs) => place.timeoutMs(leftMs),
        leave(verdict, tookMs) {
          pace.ended(verdict.class, clock.now() - tookMs);
          // A refusal is answered by asking less often; that fewer should be in flight it does not say.
          const isRefused = verdict.class === "rate_limited";
          place.leave(isRefused ? { ...verdict, class: "ignored" } : verdict, tookMs);
        },
      };
    },
  };
}
