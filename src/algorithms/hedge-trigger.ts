/**
 * Hedge trigger: when a request has taken so long that a second one is worth sending, and whether another is affordable.
 *
 * The moment is a quantile of the times this target takes (0.95 by default: one request in twenty is slower). It is only
 * told of a target that was measured and has stragglers: one request in two hundred takes twice the median. A request that
 * lost to its hedge counts with the time it had taken by then, which is beyond the quantile, so winning does not shift it. Each
 * request earns a share of a hedge; so hedges are at most that share of the requests. Source: J. Dean, L. A. Barroso, "The
 * Tail at Scale", CACM 56 (2), 2013.
 */

import { QuantileSketch, type SketchRange } from "./quantile-sketch.ts";

/** A figure is off by at most a twentieth; a measurement counts half after ten minutes. */
const LATENCY: SketchRange = {
  relativeError: 0.05,
  least: 1,
  most: 300_000,
  halfLifeMs: 600_000,
};

/** Requests measured before the quantile says anything. */
const LEAST_MEASURED = 30;

/** A target has stragglers when this quantile is so many times the median. */
const STRAGGLER_QUANTILE = 0.995;
const STRAGGLER_FACTOR = 2;

/** A request that has taken so long, and so many times the median, hangs. */
const LEAST_LATE_MS = 1_000;
const LATE_FACTOR = 10;

/** Hedges that can be saved up. */
const MOST_SAVED = 10;

/** One target's trigger. */
export class HedgeTrigger {
  readonly #times = new QuantileSketch(LATENCY);
  #measured = 0;
  #saved = 0;

  /** A request that was asked for took so long, or had taken so long when its hedge won. */
  observe(durationMs: number, nowMs: number): void {
    this.#times.add(durationMs, nowMs);
    this.#measured += 1;
  }

  /** A request that was asked for has ended; `share` of a hedge is earned by it. */
  earn(share: number): void {
    this.#saved = Math.min(MOST_SAVED, this.#saved + share);
  }

  /** After how many milliseconds a hedge is worth it, or null when it never is. */
  afterMs(quantile: number): number | null {
    if (this.#measured < LEAST_MEASURED) return null;
    const median = this.#times.quantile(0.5) ?? Infinity;
    const slowest = this.#times.quantile(STRAGGLER_QUANTILE) ?? 0;
    return slowest < STRAGGLER_FACTOR * median ? null : this.#times.quantile(quantile);
  }

  /** After how many milliseconds a request is hopelessly late, stragglers or not; null before it was measured. */
  lateMs(): number | null {
    if (this.#measured < LEAST_MEASURED) return null;
    return Math.max(LEAST_LATE_MS, LATE_FACTOR * (this.#times.quantile(0.5) ?? 0));
  }

  /** What a share `quantile` of the requests does not exceed; null when nothing was measured. */
  quantile(quantile: number): number | null {
    return this.#times.quantile(quantile);
  }

  /** Whether a hedge is affordable. */
  get canTake(): boolean {
    return this.#saved >= 1;
  }

  /** Takes one; only call when `canTake`. */
  take(): void {
    this.#saved -= 1;
  }
}
