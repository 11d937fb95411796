/**
 * Concurrency: how many attempts may be in flight at one target, who waits when there are more, and who is turned away.
 *
 * A fixed limit is a number of places. The adaptive one sleeps until the target shows that it is overloaded (a fifth of a
 * window's calls refused or not answered in time), then starts from what was in flight and follows the target by
 * `algorithms/concurrency-limit.ts`; when nobody had to wait for half a minute it sleeps again. So a target that is well is
 * never held back by a guess.
 *
 * Whoever finds no place waits, the important first: by tier, then by the cohort of its run, which stays the same, so that
 * under lasting overload the same runs get through whole instead of a part of each. A full queue turns away the least important.
 * Waiting ends with the caller's signal, and where the limit is adaptive after a time in which a target like this would have
 * answered. A grant only notes the place and wakes its waiter by a promise, because code of one request must not do the work of
 * another; places of an invocation that was torn down come back when they expire.
 */

import {
  type ConcurrencyState,
  firstLimit,
  MIN_LIMIT,
  nextLimit,
} from "../algorithms/concurrency-limit.ts";
import { Abort } from "../platform/abort.ts";
import type { Clock } from "../platform/clock.ts";
import { isBefore, levelOf, type Tier, type Waiting } from "./shedding.ts";

/** `adaptive`, or so many attempts at once. */
export type LimitMode = "adaptive" | number;

/** The adaptive limit never grows beyond this. */
const MAX_LIMIT = 1_000;

/** Who may wait for one target at once. */
export const MAX_WAITING = 256;

/** A window of calls is judged when it has lasted so long and has so many calls. */
const WINDOW_MS = 100;
const WINDOW_CALLS = 10;
/** Where few are let through at once, fewer say as much. */
const FEW_CALLS = 4;
/** One that did not come to so many calls in this time says nothing. */
const MAX_WINDOW_MS = 10_000;

/** Share of dropped calls that wakes the adaptive limit. */
const OVERLOAD = 0.2;

/** Without anybody having to wait for so long it goes back to sleep. */
const CALM_MS = 30_000;

/** Waiting for a place is worth so many usual answer times, to whoever has somebody waiting for him twice as many, and this at least. */
const WORTH_WAITING = 2;
const MIN_WAIT_MS = 50;

/** Between two searches for places that were not given back. */
const SWEEP_EVERY_MS = 1_000;

/** One attempt that wants a place. */
export interface Entrant {
  readonly mode: LimitMode;
  readonly tier: Tier;
  /** Names the run it belongs to. */
  readonly run: string;
  /** When the attempt has ended at the latest, epoch ms. */
  readonly endsAtMs: number;
}

/** How an attempt ended: answered, refused for overload or not answered in time, or in a way that says nothing. */
export type PlaceEnd = "answered" | "dropped" | "ignored";

/** Gives a place back, once. */
export type LeavePlace = (end: PlaceEnd) => void;

interface Holder {
  readonly endsAtMs: number;
}

interface Waiter extends Waiting {
  readonly endsAtMs: number;
  readonly leavesAtMs: number;
  /** The place it was given, or null when it was turned away. */
  readonly settled: PromiseWithResolvers<Holder | null>;
}

/** The places at one target of one tenant, as one isolate sees it. */
export class ConcurrencyLimit {
  readonly #clock: Clock;
  readonly #holders = new Set<Holder>();
  readonly #waiters = new Set<Waiter>();
  #adaptive: ConcurrencyState = {
    limit: MAX_LIMIT,
    baseMs: null,
    measuredMs: 0,
    before: null,
  };
  #isAwake = false;
  #calmSinceMs = 0;
  #sweptAtMs = 0;
  #entered = 0;
  #window = { startedAtMs: 0, calls: 0, answered: 0, tookMs: 0, dropped: 0, peak: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Places there are now; infinite while the adaptive limit sleeps. */
  limit(mode: LimitMode): number {
    if (mode !== "adaptive") return mode;
    return this.#isAwake ? Math.max(MIN_LIMIT, Math.floor(this.#adaptive.limit)) : Infinity;
  }

  /** Attempts that wait for a place. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Resolves with a place, or with null: none in time, a queue full of others more important, or `signal` aborted. */
  async enter(entrant: Entrant, signal: AbortSignal): Promise<LeavePlace | null> {
    const nowMs = this.#clock.now();
    this.#sweep(nowMs);
    if (this.#waiters.size === 0 && this.#holders.size < this.limit(entrant.mode))
      return this.#leaving(this.#hold(entrant.endsAtMs), nowMs, entrant.mode);
    this.#calmSinceMs = nowMs;
    const waiter = signal.aborted ? null : this.#queue(entrant, nowMs);
    if (waiter === null) return null;
    const patience = new Abort().follow(signal);
    const timedOut = this.#clock.sleep(waiter.leavesAtMs - nowMs, patience.signal);
    await Promise.race([waiter.settled.promise, timedOut]);
    patience.abort();
    this.#waiters.delete(waiter);
    // Nothing changes when a place was given in the same moment.
    waiter.settled.resolve(null);
    const holder = await waiter.settled.promise;
    if (holder === null) return null;
    const leave = this.#leaving(holder, this.#clock.now(), entrant.mode);
    if (!signal.aborted) return leave;
    leave("ignored");
    return null;
  }

  #hold(endsAtMs: number): Holder {
    const holder = { endsAtMs };
    this.#holders.add(holder);
    this.#window.peak = Math.max(this.#window.peak, this.#holders.size);
    return holder;
  }

  #leaving(holder: Holder, startedAtMs: number, mode: LimitMode): LeavePlace {
    return (end) => {
      if (!this.#holders.delete(holder)) return;
      const nowMs = this.#clock.now();
      if (end !== "ignored") this.#observe(end, nowMs - startedAtMs, nowMs);
      this.#grant(mode);
    };
  }

  #queue({ mode, tier, run, endsAtMs }: Entrant, nowMs: number): Waiter | null {
    this.#entered += 1;
    const rank = { level: levelOf(tier, run), number: this.#entered };
    if (this.#waiters.size >= MAX_WAITING) {
      const last = extreme(this.#waiters, (a, b) => isBefore(b, a));
      if (last === null || isBefore(last, rank)) return null;
      this.#waiters.delete(last);
      last.settled.resolve(null);
    }
    const answers = tier === "interactive" ? 2 * WORTH_WAITING : WORTH_WAITING;
    const worthMs = Math.max(MIN_WAIT_MS, answers * (this.#adaptive.baseMs ?? 0));
    const leavesAtMs = mode === "adaptive" ? Math.min(endsAtMs, nowMs + worthMs) : endsAtMs;
    const settled = Promise.withResolvers<Holder | null>();
    const waiter = { ...rank, endsAtMs, leavesAtMs, settled };
    this.#waiters.add(waiter);
    return waiter;
  }

  /** Gives the places that are free to those who wait, the most important first. */
  #grant(mode: LimitMode): void {
    const nowMs = this.#clock.now();
    while (this.#waiters.size > 0 && this.#holders.size < this.limit(mode)) {
      const first = extreme(this.#waiters, isBefore);
      if (first === null) return;
      this.#waiters.delete(first);
      // One that was torn down while it waited never comes for its place.
      first.settled.resolve(first.leavesAtMs > nowMs ? this.#hold(first.endsAtMs) : null);
    }
  }

  #sweep(nowMs: number): void {
    if (nowMs - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    for (const holder of this.#holders) if (holder.endsAtMs <= nowMs) this.#holders.delete(holder);
    for (const waiter of this.#waiters) {
      if (waiter.leavesAtMs > nowMs) continue;
      this.#waiters.delete(waiter);
      waiter.settled.resolve(null);
    }
  }

  #observe(end: "answered" | "dropped", tookMs: number, nowMs: number): void {
    if (nowMs - this.#window.startedAtMs > MAX_WINDOW_MS) this.#beginWindow(nowMs);
    const window = this.#window;
    window.calls += 1;
    if (end === "dropped") window.dropped += 1;
    else {
      window.answered += 1;
      window.tookMs += tookMs;
    }
    const enough = this.#isAwake && this.#adaptive.limit < FEW_CALLS ? FEW_CALLS : WINDOW_CALLS;
    if (window.calls >= enough && nowMs - window.startedAtMs >= WINDOW_MS) this.#judge(nowMs);
  }

  #beginWindow(nowMs: number): void {
    const peak = this.#holders.size;
    this.#window = { startedAtMs: nowMs, calls: 0, answered: 0, tookMs: 0, dropped: 0, peak };
  }

  #judge(nowMs: number): void {
    const { startedAtMs, calls, answered, tookMs, dropped, peak } = this.#window;
    const lastedMs = nowMs - startedAtMs;
    this.#beginWindow(nowMs);
    if (dropped > 0) this.#calmSinceMs = nowMs;
    const shortMs = answered === 0 ? null : tookMs / answered;
    const window = { calls, shortMs, dropped, peak, lastedMs };
    if (!this.#isAwake && dropped > calls * OVERLOAD) {
      this.#isAwake = true;
      const limit = firstLimit(this.#adaptive.baseMs, answered, window);
      this.#adaptive = { ...this.#adaptive, limit, before: null };
    } else this.#adaptive = nextLimit(this.#adaptive, window, MAX_LIMIT);
    if (!this.#isAwake) this.#adaptive = { ...this.#adaptive, limit: MAX_LIMIT, before: null };
    else if (nowMs - this.#calmSinceMs > CALM_MS) this.#isAwake = false;
  }
}

/** The one that stands before all others by `isFirst`. */
function extreme(
  waiters: Iterable<Waiter>,
  isFirst: (a: Waiter, b: Waiter) => boolean,
): Waiter | null {
  let found: Waiter | null = null;
  for (const waiter of waiters) if (found === null || isFirst(waiter, found)) found = waiter;
  return found;
}
