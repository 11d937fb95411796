/**
 * Adaptive CUSUM: notices within few calls that an upstream fails more than it usually does.
 *
 * A sequential test of two hypotheses: failures come with probability p0 (all is well) or p1 (broken). Every failure adds
 * ln(p1 / p0), every success ln((1 − p1) / (1 − p0)); the sum never falls below 0, and at `THRESHOLD` the test says broken.
 * p0 follows the upstream: twice its slow average of failures, between 3 and 50 per cent, and p1 = p0 + 0.45. So an upstream
 * that always fails a little does not trip, and one that suddenly fails does. Source: E. S. Page, "Continuous inspection
 * schemes", Biometrika 41, 1954; the adaptation and its figures are ours, measured by `bench breaker`.
 *
 * Increments are sums, so a batch of counts does what its calls would have done.
 */

/** The sum at which the test decides. */
const THRESHOLD = 12.4;

/** Bounds of p0, and the distance of p1. */
const LEAST_BASE = 0.03;
const MOST_BASE = 0.5;
const LIFT = 0.45;

/** Weight of the newest call in the slow average: a lighter one moves less by chance, a heavier one learns sooner. */
const SLOW_WEIGHT = 0.003;

/** What an upstream is taken to fail before it was ever asked; else its first few failures by chance would look like a change. */
const UNKNOWN_RATE = 0.015;

/** One upstream's test. */
export class AdaptiveCusum {
  #sum = 0;
  #slowRate = UNKNOWN_RATE;

  /** The slow average of failures, 0 to 1. */
  get usualRate(): number {
    return this.#slowRate;
  }

  /**
   * Counts calls that ended together; true when the upstream must be taken for broken. `baseline` is the share of failures
   * when all is well where somebody knows it, else null.
   */
  add(good: number, bad: number, baseline: number | null): boolean {
    const calls = good + bad;
    if (calls === 0) return false;
    const base = baseline ?? 2 * this.#slowRate;
    const p0 = Math.min(MOST_BASE, Math.max(LEAST_BASE, base));
    const p1 = p0 + LIFT;
    const change = bad * Math.log(p1 / p0) + good * Math.log((1 - p1) / (1 - p0));
    this.#sum = Math.max(0, this.#sum + change);
    this.#slowRate += (1 - (1 - SLOW_WEIGHT) ** calls) * (bad / calls - this.#slowRate);
    return this.#sum >= THRESHOLD;
  }

  /** Starts over, keeping what is usual for this upstream. */
  reset(): void {
    this.#sum = 0;
  }
}
