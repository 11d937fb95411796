/**
 * Adaptive timeouts: an attempt is given up when it takes far longer than nearly all before it did.
 *
 * The time given is three times the 99th percentile of answers (quantile sketch, half-life ten seconds), never less than a
 * second or a quarter of what is left, and never more than that; until enough was measured it is all that is left. Every attempt that is
 * given up doubles the time, as TCP backs off its timer (RFC 6298 §5.5), so that a target that has become slow is given more from one
 * attempt to the next; answers take that back.
 */

import { QuantileSketch, type SketchRange } from "../algorithms/quantile-sketch.ts";

const TIMES: SketchRange = { relativeError: 0.05, least: 1, most: 300_000, halfLifeMs: 10_000 };

const QUANTILE = 0.99;
const FACTOR = 3;

/** Share of what is left that an attempt is given at least: what is rarely slow may still be slow for a good reason. */
const LEAST_SHARE = 0.25;

const MOST_PATIENCE = 32;
const CALMING = 0.9;

/** No attempt is given up sooner, unless its caller says so. */
export const LEAST_TIMEOUT_MS = 1_000;

/** Answers before the time is shortened. */
export const ENOUGH_ANSWERS = 50;

/** How long attempts at one target take. */
export class AttemptTimes {
  #sketch: QuantileSketch | null = null;
  #seen = 0;
  /** What given-up attempts have made of the time. */
  #patience = 1;

  /** An attempt was answered after `tookMs`. */
  answered(tookMs: number, nowMs: number): void {
    this.#seen += 1;
    this.#patience = Math.max(1, this.#patience * CALMING);
    this.#sketch ??= new QuantileSketch(TIMES);
    this.#sketch.add(tookMs, nowMs);
  }

  /** An attempt was given up. */
  gaveUp(): void {
    this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience);
  }

  /** How long to wait for the next attempt, ms; at most `leftMs`. */
  timeoutMs(leftMs: number): number {
    const usual = this.#seen < ENOUGH_ANSWERS ? null : (this.#sketch?.quantile(QUANTILE) ?? null);
    if (usual === null) return leftMs;
    return Math.min(
      leftMs,
      Math.max(LEAST_TIMEOUT_MS, leftMs * LEAST_SHARE, FACTOR * usual * this.#patience),
    );
  }
}
