/**
 * PermitBundle: permits of one concurrency limit that an isolate holds to start runs with, without asking for each.
 *
 * The gate counts every lent permit as in use until the last run that may have started with it must have ended. So an
 * isolate that asks again first gives up what it does not want (`keep`), and starts nothing beyond that until the answer is there:
 * an answer or a question that is lost never lets more run than the gate counts. A run that never says that it ended
 * stops counting at its own end.
 *
 * While the gate cannot be reached the isolate may go on with what it holds for half the longest life of a run after its lease
 * (`share`). The gate counts its permits for so much longer, so nothing more runs than may.
 */

import { addToRate, NO_RATE, ratePerMs, type DecayingRate } from "./decaying-rate.ts";

/** Over this the starts are averaged, milliseconds. */
const START_TAU_MS = 1000;

/** Starts in the life of a lease that are worth asking for one. */
const WORTH_STARTS = 6;

/** More than the most runs at once of late, so that the next few find a permit. */
const HEADROOM = 1.25;
const SPARE = 4;

/** What of that peak is forgotten from one question to the next. */
const PEAK_KEPT = 0.8;

/** For so long a limit that is decided one by one is not offered for a lease again. */
const EXACT_FOR_MS = 2000;

/** While the gate cannot be reached runs start for this part of their longest life after the lease. */
export const SHARE_PART = 0.5;

/** A permit in use. */
export interface BundledPermit {
  readonly endsMs: number;
}

/** What an isolate holds of one concurrency limit. */
export class PermitBundle {
  readonly #running = new Set<BundledPermit>();
  #lent = 0;
  #fromMs = 0;
  #untilMs = 0;
  #exactUntilMs = 0;
  #peak = 0;
  #starts: DecayingRate = NO_RATE;

  /** Notes that a run wants to start. */
  note(nowMs: number): void {
    this.#starts = addToRate(this.#starts, 1, nowMs, START_TAU_MS);
  }

  /** True when a run may start without asking. */
  hasRoom(nowMs: number): boolean {
    return this.#hasRoom(this.#untilMs, nowMs);
  }

  /** The same while the gate cannot be reached; a run may hold its permit for `permitTtlMs`. */
  hasShare(permitTtlMs: number, nowMs: number): boolean {
    return this.#hasRoom(this.#untilMs + SHARE_PART * permitTtlMs, nowMs);
  }

  #hasRoom(untilMs: number, nowMs: number): boolean {
    if (nowMs >= untilMs || nowMs < this.#fromMs) return false;
    if (this.#running.size >= this.#lent) this.#dropEnded(nowMs);
    return this.#running.size < this.#lent;
  }

  /** Starts a run that ends by itself at `endsMs`; only after `hasRoom`. */
  take(endsMs: number): BundledPermit {
    const permit = { endsMs };
    this.#running.add(permit);
    this.#peak = Math.max(this.#peak, this.#running.size);
    return permit;
  }

  /** The run has ended; a second time changes nothing. */
  giveBack(permit: BundledPermit): void {
    this.#running.delete(permit);
  }

  /** True when it is time to ask for a lease of `ttlMs`. */
  isDue(ttlMs: number, nowMs: number): boolean {
    if (nowMs < this.#exactUntilMs) return false;
    if (ratePerMs(this.#starts, nowMs, START_TAU_MS) * ttlMs < WORTH_STARTS) return false;
    const isLow = this.#running.size >= this.#lent && this.#lent < this.#wanted();
    return isLow || nowMs >= (this.#fromMs + this.#untilMs) / 2;
  }

  /** True when permits are held that nobody uses. */
  hasSpare(nowMs: number): boolean {
    this.#dropEnded(nowMs);
    return this.#lent > this.#running.size;
  }

  /** True when nothing is lent and nothing runs. */
  isEmpty(nowMs: number): boolean {
    this.#dropEnded(nowMs);
    return this.#lent === 0 && this.#running.size === 0;
  }

  /** What to ask for; from here on no more than `keep` are used. `isIdle`: nothing is wanted beyond what runs. */
  wish(isIdle: boolean, nowMs: number) {
    this.#dropEnded(nowMs);
    const wants = isIdle ? this.#running.size : this.#wanted();
    this.#peak = isIdle ? 0 : this.#peak * PEAK_KEPT;
    this.#lent = Math.max(this.#running.size, Math.min(this.#lent, wants));
    return { keep: this.#lent, wants };
  }

  /** Takes over what the gate lent in answer to the latest question, sent at `sentAtMs`. */
  accept(lent: number, isExact: boolean, sentAtMs: number, ttlMs: number, nowMs: number): void {
    if (isExact) this.#exactUntilMs = nowMs + EXACT_FOR_MS;
    this.#lent = lent;
    this.#fromMs = sentAtMs;
    this.#untilMs = sentAtMs + ttlMs;
  }

  #wanted(): number {
    const peak = Math.max(this.#peak, this.#running.size);
    return Math.max(this.#running.size, Math.ceil(peak * HEADROOM) + SPARE);
  }

  #dropEnded(nowMs: number): void {
    for (const permit of this.#running) if (permit.endsMs <= nowMs) this.#running.delete(permit);
  }
}
