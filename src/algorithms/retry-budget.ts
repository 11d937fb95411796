/**
 * A budget for requests nobody asked for: retries and hedges. A token bucket filled by success.
 *
 * Every success adds `share` of a token, every second adds `FLOOR_PER_SECOND`, a repeated request takes one. While an
 * upstream works, retries are at most that share of the traffic; when it is down, successes stop and only the floor is
 * left, so an outage is not made worse: attempts ≤ (1 + share) · requests + floor · seconds + capacity. Source: Finagle's
 * RetryBudget and Linkerd's retry budgets (a share of successes and a floor, kept for ten seconds).
 */

/** Tokens a second without any success. */
export const FLOOR_PER_SECOND = 1;

/** Tokens that can be saved up: ten seconds of the floor. */
export const BUDGET_CAPACITY = 10;

/** One upstream's budget. A new one is full. */
export class RetryBudget {
  #tokens = BUDGET_CAPACITY;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** A request has succeeded; `share` of a token is earned by it. */
  earn(share: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#tokens = Math.min(BUDGET_CAPACITY, this.#tokens + share);
  }

  /** Takes a token; false when there is none. */
  take(nowMs: number): boolean {
    this.#refill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  #refill(nowMs: number): void {
    const elapsedS = Math.max(0, nowMs - this.#atMs) / 1000;
    this.#tokens = Math.min(BUDGET_CAPACITY, this.#tokens + elapsedS * FLOOR_PER_SECOND);
    this.#atMs = Math.max(this.#atMs, nowMs);
  }
}
