/**
 * A circuit breaker: whether an upstream is asked at all.
 *
 * closed ──the test says broken──► open ──its time is over──► half-open ──1, then 3, then 10 probes succeed──► closed
 *                                   ▲                             │
 *                                   └──── a probe fails: for longer ────┘
 *
 * Probes are leased: exactly as many pass as the stage has places, whoever asks, and a lease that is not answered in its
 * time counts as a failure at the end of that time, whenever that is noticed. An answer that says nothing gives its place
 * back, so the breaker cannot get stuck. An upstream that asks to be left alone (`Retry-After`) is held until then and is
 * closed again without probes, because it has not failed. One that refuses its key is left alone with that key, and tried
 * again with one probe. Open times are drawn with equal jitter, half to all of 5 s, twice, then of 20 s, doubled up to 300 s:
 * so after an outage of five seconds it takes no five more. Source of leases and ignorable answers: Finagle's failure
 * accrual; of the jitter: M. Brooker, AWS Architecture Blog, 2015.
 *
 * The same machine runs in the object all isolates share and, for the first moments and when that cannot be reached, in
 * each isolate.
 */

import { AdaptiveCusum } from "./adaptive-cusum.ts";

/** How long a breaker is open the first time, before jitter. */
export const FIRST_OPEN_MS = 5_000;

/** How long a breaker is open at most, before jitter. */
export const MOST_OPEN_MS = 300_000;

/** How long a refused key is left alone the first time, before jitter. */
export const FIRST_PARK_MS = 30_000;

/** How long a refused key is left alone at most, before jitter. */
export const MOST_PARK_MS = 900_000;

/** Probes that must succeed one after the other, stage by stage. */
export const PROBES: readonly number[] = [1, 3, 10];

/** Where a breaker is, on its own. */
export type BreakerPhase = "closed" | "open" | "half_open";

/** What somebody with the right to has decided. */
export type Forced = "open" | "closed";

/** What is left of a breaker when its memory is lost. */
export interface SavedBreaker {
  /** Counts up with every transition. */
  readonly epoch: number;
  readonly phase: BreakerPhase;
  readonly forced: Forced | null;
  /** Open until then, epoch ms. */
  readonly untilMs: number;
  /** How long it was opened last, before jitter. */
  readonly openMs: number;
  /** What opened it. */
  readonly cause: OpenCause;
  /** The key that was refused, by any name that changes with it; null when none was. */
  readonly credential: string | null;
}

/** What opens a breaker: failures, a word of the upstream's own on when to come back, a refused key. */
export type OpenCause = "failures" | "retry_after" | "credential";

const NEW: SavedBreaker = {
  epoch: 0,
  phase: "closed",
  forced: null,
  untilMs: 0,
  openMs: 0,
  cause: "failures",
  credential: null,
};

type Why = Pick<SavedBreaker, "cause" | "credential">;

const BY_FAILURES: Why = { cause: "failures", credential: null };

/** How a probe ended. */
export type ProbeEnd = "good" | "bad" | "ignored";

/** One upstream's breaker. Every method takes the time, which may stand still or jump. */
export class Breaker {
  readonly #random: () => number;
  readonly #test = new AdaptiveCusum();
  #state: SavedBreaker;
  #stage = 0;
  #good = 0;
  /** Expiry of each leased probe that has not ended. */
  readonly #leased = new Map<number, number>();
  #nextProbe = 1;

  constructor(random: () => number, saved: SavedBreaker = NEW) {
    this.#random = random;
    // Leases went with the memory; half-open begins anew with its first probe.
    this.#state = saved;
  }

  /** Where it is now, as it would be saved. */
  state(nowMs: number): SavedBreaker {
    this.#advance(nowMs);
    return this.#state;
  }

  /** Probes that may be leased now. */
  freeProbes(nowMs: number): number {
    this.#advance(nowMs);
    if (this.#state.phase !== "half_open") return 0;
    return (PROBES[this.#stage] ?? 0) - this.#good - this.#leased.size;
  }

  /** Counts calls that were no probes. `baseline` as in `AdaptiveCusum`. */
  count(good: number, bad: number, baseline: number | null, nowMs: number): void {
    this.#advance(nowMs);
    // What was sent before it opened says nothing new.
    if (this.#state.phase !== "closed") return;
    if (this.#test.add(good, bad, baseline)) this.#open(FIRST_OPEN_MS, nowMs);
  }

  /** The upstream asks to be left alone until `untilMs`. */
  hold(untilMs: number, nowMs: number): void {
    this.#advance(nowMs);
    const { phase, cause } = this.#state;
    if (phase === "half_open" || (phase === "open" && cause === "failures")) return;
    if (untilMs <= Math.max(nowMs, this.#state.untilMs)) return;
    this.#go({ phase: "open", cause: "retry_after", untilMs });
  }

  /** The upstream refuses this key: nothing is sent with it for a while, twice as long each time in a row. */
  park(credential: string, nowMs: number): void {
    this.#advance(nowMs);
    const { phase, cause, credential: known, openMs } = this.#state;
    const isSame = cause === "credential" && known === credential;
    // What was sent before it opened says nothing new.
    if (phase === "open" && (isSame || cause === "failures")) return;
    const isAgain = isSame && phase === "half_open";
    const parkMs = isAgain ? Math.min(MOST_PARK_MS, openMs * 2) : FIRST_PARK_MS;
    this.#open(parkMs, nowMs, { cause: "credential", credential });
  }

  /** The upstream has taken this key; closes what another one had opened. */
  unpark(credential: string, nowMs: number): void {
    if (this.isParked(nowMs) && this.#state.credential !== credential) this.#close();
  }

  /** True while it stands open, or is tried again, because a key was refused. */
  isParked(nowMs: number): boolean {
    const { phase, cause } = this.state(nowMs);
    return phase !== "closed" && cause === "credential";
  }

  /** Leases one probe for `ttlMs`, or answers null when there is none. */
  lease(ttlMs: number, nowMs: number): number | null {
    if (this.freeProbes(nowMs) <= 0) return null;
    const probe = this.#nextProbe;
    this.#nextProbe += 1;
    this.#leased.set(probe, nowMs + ttlMs);
    return probe;
  }

  /** A leased probe has ended. One that is unknown, ended or expired changes nothing. */
  answer(probe: number, end: ProbeEnd, nowMs: number): void {
    this.#advance(nowMs);
    if (!this.#leased.delete(probe)) return;
    if (end === "bad") return this.#openLonger(nowMs);
    if (end === "ignored") return;
    this.#good += 1;
    // One answer is enough to know that a key is taken.
    if (this.#state.cause === "credential") return this.#close();
    if (this.#good < (PROBES[this.#stage] ?? 0)) return;
    this.#stage += 1;
    this.#good = 0;
    if (this.#stage >= PROBES.length) this.#close();
  }

  /** Holds it open or closed whatever happens, or lets it go (null) as if it were new. */
  force(forced: Forced | null): void {
    this.#test.reset();
    this.#leased.clear();
    this.#go({ phase: "closed", forced, openMs: 0, untilMs: 0, ...BY_FAILURES });
  }

  /** Takes over how another machine stands; its own probes go on there. */
  adopt(state: Omit<SavedBreaker, "epoch">): void {
    this.#test.reset();
    this.#leased.clear();
    this.#stage = 0;
    this.#good = 0;
    this.#go(state);
  }

  #advance(nowMs: number): void {
    if (this.#state.forced !== null) return;
    if (this.#state.phase === "half_open") {
      const lostAtMs = Math.min(...this.#leased.values());
      // It failed when its time was over, which may be long before somebody looks.
      if (lostAtMs <= nowMs) this.#openLonger(lostAtMs);
    }
    if (this.#state.phase !== "open" || this.#state.untilMs > nowMs) return;
    if (this.#state.cause === "retry_after") return this.#close();
    this.#stage = 0;
    this.#good = 0;
    this.#leased.clear();
    this.#go({ phase: "half_open" });
  }

  #open(openMs: number, nowMs: number, why: Why = BY_FAILURES): void {
    this.#leased.clear();
    const isSecond = why === BY_FAILURES && openMs === 2 * FIRST_OPEN_MS;
    // An outage of a few seconds outlasts the first time; twice as long would then be most of what is lost by it.
    const mostMs = isSecond ? FIRST_OPEN_MS : openMs;
    const untilMs = nowMs + Math.ceil(mostMs / 2 + (this.#random() * mostMs) / 2);
    this.#go({ phase: "open", openMs, untilMs, ...why });
  }

  #openLonger(nowMs: number): void {
    const { cause, openMs } = this.#state;
    const longerMs = cause === "failures" ? openMs * 2 : 0;
    this.#open(Math.min(MOST_OPEN_MS, Math.max(FIRST_OPEN_MS, longerMs)), nowMs);
  }

  #close(): void {
    this.#test.reset();
    this.#leased.clear();
    this.#go({ phase: "closed", openMs: 0, untilMs: 0 });
  }

  #go(change: Partial<SavedBreaker>): void {
    this.#state = { ...this.#state, ...change, epoch: this.#state.epoch + 1 };
  }
}
