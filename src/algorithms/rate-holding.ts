/**
 * RateHolding: what an isolate holds of one rate limit, and what it asks for.
 *
 * Tokens lent to it are spent without asking until their time is over. It asks for more once half of their life or half of them is
 * gone, as much as its demand of late needs for one more life. A limit that was refused is refused here, without asking, for as
 * long as the gate said; one whose shares are too small to lend is always asked for (`exact`). While the gate
 * cannot be reached it may go on at the rate of its last lease (`share`), never faster; what it took so is owed and paid later.
 * Everything is dated by the isolate's own clock; a lease counts from when it was asked for, so it ends here before it
 * ends there, and a clock that jumped back ends it at once.
 */

import { addToRate, NO_RATE, ratePerMs, type DecayingRate } from "./decaying-rate.ts";

/** Over this the demand is averaged, milliseconds. */
const DEMAND_TAU_MS = 1000;

/** A lease is larger than the demand by this, for arrivals are not even. */
const HEADROOM = 1.25;

/** Requests of a lease that are worth asking for one. */
const WORTH_REQUESTS = 6;

/** For so long a limit that is decided one by one is not offered for a lease again. */
const EXACT_FOR_MS = 2000;

/** A refusal is repeated here for at most this long: the limit may have been changed. */
const MAX_DENIAL_MS = 2000;

/** What is owed is told no more often than this. */
const TELL_EVERY_MS = 250;

/** Tokens of the last share that may be taken at once while the gate cannot be reached, as a stretch of time. */
const SHARE_STRETCH_MS = 1000;

/** How a limit stands for one more request: enough is held, nothing is known, or it passes in so long. */
export type Standing = "held" | "unknown" | { readonly waitMs: number };

/** What the gate lent: see `leaseSize`. */
export interface LentTokens {
  readonly tokens: number;
  readonly waitMs: number;
  readonly isExact: boolean;
  /** How long it lives, counted from when it was asked for. */
  readonly ttlMs: number;
  /** In the bucket when it was lent, and until it is full again. */
  readonly remaining: number;
  readonly resetMs: number;
}

/** What an isolate holds of one rate limit. */
export class RateHolding {
  #tokens = 0;
  #lent = 0;
  #fromMs = 0;
  #untilMs = 0;
  #spentOutMs = 0;
  #exactUntilMs = 0;
  #deniedUntilMs = 0;
  #passesAtMs = 0;
  #deniedCost = 0;
  #cost = 1;
  #demand: DecayingRate = NO_RATE;
  #sharePerMs = 0;
  #allowance = 0;
  #allowanceAtMs = 0;
  #owed = 0;
  #toldAtMs = -Infinity;
  #remaining = 0;
  #resetAtMs = 0;
  #viewAtMs = 0;

  /** Notes a request for `cost` tokens. */
  note(cost: number, nowMs: number): void {
    this.#demand = addToRate(this.#demand, cost, nowMs, DEMAND_TAU_MS);
    this.#cost += (cost - this.#cost) / 8;
  }

  standing(cost: number, nowMs: number): Standing {
    if (this.#left(nowMs) >= cost) return "held";
    if (nowMs < this.#deniedUntilMs && cost >= this.#deniedCost) {
      return { waitMs: Math.max(1, this.#passesAtMs - nowMs) };
    }
    if (nowMs < this.#spentOutMs) return { waitMs: this.#spentOutMs - nowMs };
    return "unknown";
  }

  /** Spends what is held; only after `standing` said so. */
  take(cost: number): void {
    this.#tokens -= cost;
  }

  /** Gives back what was taken from here and not used. */
  giveBack(cost: number, nowMs: number): void {
    if (this.#isAlive(nowMs)) this.#tokens += cost;
  }

  /** The gate refused `cost` tokens and would grant them in `waitMs`. */
  refused(cost: number, waitMs: number, leastMs: number, nowMs: number): number {
    const told = Math.max(waitMs, leastMs);
    this.#passesAtMs = nowMs + told;
    this.#deniedUntilMs = nowMs + Math.min(told, MAX_DENIAL_MS);
    this.#deniedCost = cost;
    return told;
  }

  /** True when it is time to ask for a lease of `ttlMs`. */
  isDue(ttlMs: number, nowMs: number): boolean {
    if (this.owesSince(nowMs)) return true;
    if (nowMs < this.#exactUntilMs || nowMs < this.#spentOutMs) return false;
    if (this.#neededFor(ttlMs, nowMs) < WORTH_REQUESTS * this.#cost) return false;
    const left = this.#left(nowMs);
    return left < this.#lent / 2 || nowMs >= (this.#fromMs + this.#untilMs) / 2;
  }

  /** What to ask the gate for. What is given back is told once: were it told twice, it would be given back twice. */
  wish(ttlMs: number, nowMs: number) {
    const owed = this.#owed;
    if (owed < 0) this.#owed = 0;
    if (owed !== 0) this.#toldAtMs = nowMs;
    const left = this.#left(nowMs);
    const needed = Math.ceil(this.#neededFor(ttlMs, nowMs) * HEADROOM + 2 * this.#cost);
    const cost = Math.max(1, Math.round(this.#cost));
    return { left, wants: Math.max(0, needed - left), cost, owed };
  }

  /** Takes over what the gate lent in answer to a question sent at `sentAtMs`; `owed` was in that question. */
  accept(lent: LentTokens, owed: number, sentAtMs: number, nowMs: number): void {
    const { ttlMs } = lent;
    this.#owed -= Math.max(0, owed);
    this.view(lent.remaining, lent.resetMs, nowMs);
    if (lent.isExact) {
      this.#exactUntilMs = nowMs + EXACT_FOR_MS;
      return;
    }
    this.#tokens = this.#left(nowMs) + lent.tokens;
    this.#lent = this.#tokens;
    this.#fromMs = sentAtMs;
    this.#untilMs = sentAtMs + ttlMs;
    this.#spentOutMs = lent.waitMs > 0 ? nowMs + lent.waitMs : 0;
    this.#sharePerMs = lent.tokens / ttlMs;
    this.#allowance = 0;
    this.#allowanceAtMs = nowMs;
  }

  /** True when the last share allows `cost` more while the gate cannot be reached. */
  hasShare(cost: number, nowMs: number): boolean {
    const gained = this.#sharePerMs * Math.max(0, nowMs - this.#allowanceAtMs);
    this.#allowance = Math.min(this.#sharePerMs * SHARE_STRETCH_MS, this.#allowance + gained);
    this.#allowanceAtMs = nowMs;
    return this.#allowance >= cost;
  }

  /** Takes on credit; a negative cost gives back what was taken too much. */
  owe(cost: number): void {
    this.#allowance = Math.max(0, this.#allowance - Math.max(0, cost));
    this.#owed += cost;
  }

  /** True when the gate should be told what is owed: a few times a second at most. */
  owesSince(nowMs: number): boolean {
    return this.#owed !== 0 && nowMs >= this.#toldAtMs + TELL_EVERY_MS;
  }

  /** Gives back what is held of a lease and not spent; the gate is told once. */
  giveUp(nowMs: number): void {
    this.#owed -= this.#left(nowMs);
    this.#tokens = 0;
    this.#untilMs = 0;
    this.#toldAtMs = -Infinity;
  }

  /** True while there is something left of a lease. */
  holds(nowMs: number): boolean {
    return this.#left(nowMs) > 0;
  }

  /** Notes how the whole bucket stood at `nowMs`. */
  view(remaining: number, resetMs: number, nowMs: number): void {
    this.#remaining = remaining;
    this.#viewAtMs = nowMs;
    this.#resetAtMs = nowMs + resetMs;
  }

  /** What was left `sinceMs` ago, with what is held here, and until the bucket is full again. */
  known(nowMs: number): {
    readonly remaining: number;
    readonly resetMs: number;
    readonly sinceMs: number;
    readonly isKnown: boolean;
  } {
    return {
      isKnown: this.#viewAtMs > 0,
      sinceMs: Math.max(0, nowMs - this.#viewAtMs),
      remaining: Math.max(0, this.#remaining) + this.#left(nowMs),
      resetMs: Math.max(0, this.#resetAtMs - nowMs),
    };
  }

  #neededFor(ttlMs: number, nowMs: number): number {
    return ratePerMs(this.#demand, nowMs, DEMAND_TAU_MS) * ttlMs;
  }

  #left(nowMs: number): number {
    return this.#isAlive(nowMs) ? Math.max(0, this.#tokens) : 0;
  }

  #isAlive(nowMs: number): boolean {
    return nowMs < this.#untilMs && nowMs >= this.#fromMs;
  }
}
