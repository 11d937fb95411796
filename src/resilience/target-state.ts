/**
 * What an isolate knows of one target: how long it takes, what is in flight, how it failed lately and whether it is left out.
 *
 * An invocation may be torn down without a word, so what is in flight is counted with the latest end of each attempt and
 * forgotten after it.
 */

import {
  CONSECUTIVE_FAILURES,
  ejectionMs,
  slowStart,
  type TargetRecord,
} from "../algorithms/outlier-ejection.ts";
import { expectedMs, observePeak, type PeakEwma } from "../algorithms/peak-ewma.ts";

/** Half-life of the outcomes that targets are compared by. */
const OUTCOME_HALF_LIFE_MS = 10_000;

/** A target that was well for so long after it had been left out begins anew. */
const FORGIVEN_AFTER_MS = 300_000;

/** How soon after a failure a target is asked whether it was chance. */
const SECOND_OPINION_AFTER_MS = 250;

/** Between two searches for attempts that were torn down. */
const SWEEP_EVERY_MS = 1_000;

/** One target of one tenant. */
export class TargetState {
  readonly #ends = new Set<{ readonly endsAtMs: number }>();
  #sweptAtMs = 0;
  #peak: PeakEwma | null = null;
  #succeeded = 0;
  #failed = 0;
  #countedAtMs = 0;
  #failuresInRow = 0;
  #failedAtMs = 0;
  /** What was measured before the first failure of a row. */
  #peakBefore: PeakEwma | null = null;
  #ejections = 0;
  #ejectedUntilMs: number | null = null;

  /** Attempts in flight at `nowMs`. */
  inFlight(nowMs: number): number {
    if (this.#ends.size > 0 && nowMs - this.#sweptAtMs >= SWEEP_EVERY_MS) {
      this.#sweptAtMs = nowMs;
      for (const end of this.#ends) if (end.endsAtMs <= nowMs) this.#ends.delete(end);
    }
    return this.#ends.size;
  }

  /** Counts an attempt that ends by `endsAtMs` at the latest; returns what says that it has ended. */
  begin(endsAtMs: number): () => void {
    const end = { endsAtMs };
    this.#ends.add(end);
    return () => this.#ends.delete(end);
  }

  /** What was measured here or learned from others; null before anything was. */
  get peak(): PeakEwma | null {
    return this.#peak;
  }

  /** Takes over what others measured, if it is newer. */
  learn(peak: PeakEwma): void {
    if (this.#peak === null || peak.atMs > this.#peak.atMs) this.#peak = peak;
  }

  /** What an attempt is expected to take, ms. */
  expectedMs(priorMs: number, nowMs: number): number {
    return expectedMs(this.#peak, priorMs, nowMs);
  }

  /** An attempt was answered. */
  succeed(tookMs: number, nowMs: number): void {
    this.#decay(nowMs);
    // A single failure was chance: what it cost is taken back.
    if (this.#failuresInRow === 1) this.#peak = this.#peakBefore;
    this.#peak = observePeak(this.#peak, tookMs, nowMs);
    this.#succeeded += 1;
    this.#failuresInRow = 0;
  }

  /** An attempt failed, which costs as much as `penaltyMs` of waiting. */
  fail(penaltyMs: number, nowMs: number): void {
    this.#decay(nowMs);
    if (this.#failuresInRow === 0) this.#peakBefore = this.#peak;
    this.#peak = observePeak(this.#peak, penaltyMs, nowMs);
    this.#failed += 1;
    this.#failuresInRow += 1;
    this.#failedAtMs = nowMs;
  }

  /** True when its last answer, a moment ago, was the first failure in a row and nothing is on its way to say more. */
  wantsSecondOpinion(nowMs: number): boolean {
    return (
      this.#failuresInRow === 1 &&
      nowMs - this.#failedAtMs >= SECOND_OPINION_AFTER_MS &&
      this.inFlight(nowMs) === 0
    );
  }

  /** True when the last attempt that ended failed. */
  get isFailing(): boolean {
    return this.#failuresInRow > 0;
  }

  /** True when only the last attempt that ended failed, which may have been chance. */
  get hasFailedOnce(): boolean {
    return this.#failuresInRow === 1;
  }

  /** True after so many failures in a row that no comparison is needed. */
  get hasFailedInRow(): boolean {
    return this.#failuresInRow >= CONSECUTIVE_FAILURES;
  }

  /** Outcomes lately, the newer the heavier. */
  record(nowMs: number): TargetRecord {
    this.#decay(nowMs);
    return { succeeded: this.#succeeded, failed: this.#failed };
  }

  /** Leaves the target out for a while, longer each time in a row. */
  eject(nowMs: number): void {
    const endedAtMs = this.#ejectedUntilMs ?? -Infinity;
    this.#ejections = nowMs - endedAtMs > FORGIVEN_AFTER_MS ? 1 : this.#ejections + 1;
    this.#ejectedUntilMs = nowMs + ejectionMs(this.#ejections);
    this.#succeeded = 0;
    this.#failed = 0;
    this.#failuresInRow = 0;
  }

  /** True while the target is left out. */
  isEjected(nowMs: number): boolean {
    return this.#ejectedUntilMs !== null && nowMs < this.#ejectedUntilMs;
  }

  /** What of its weight it is given: less than 1 for a while after it was left out. */
  share(nowMs: number): number {
    return this.#ejectedUntilMs === null ? 1 : slowStart(nowMs - this.#ejectedUntilMs);
  }

  #decay(nowMs: number): void {
    const factor = 2 ** (-Math.max(0, nowMs - this.#countedAtMs) / OUTCOME_HALF_LIFE_MS);
    this.#succeeded *= factor;
    this.#failed *= factor;
    this.#countedAtMs = nowMs;
  }
}
