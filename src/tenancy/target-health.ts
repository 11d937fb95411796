/**
 * What one isolate knows of one target of one tenant: its breaker, the budget of repeated requests, how long it takes.
 *
 * All of it is memory of an isolate. Losing it costs a few calls to a target that fails, never a wrong answer.
 */

import { Breaker, type ProbeEnd } from "../algorithms/breaker.ts";
import { QuantileSketch, type SketchRange } from "../algorithms/quantile-sketch.ts";
import { RetryBudget } from "../algorithms/retry-budget.ts";
import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { Held, Pass, Verdict } from "../contract/upstream-session.ts";

/** A figure is off by at most a twentieth; a measurement counts half after ten minutes. */
const LATENCY: SketchRange = {
  relativeError: 0.05,
  least: 1,
  most: 300_000,
  halfLifeMs: 600_000,
};

/** A request that was given up sooner than this says nothing of a target that was never measured. */
const UNMEASURED_MS = 500;

/** A request given up before so many of those that succeed are answered says nothing of its target. */
const FAIR_QUANTILE = 0.95;

/** What a caller is told who meets a breaker whose end nobody knows: forced open, or waiting for its probes. */
const UNKNOWN_WAIT_MS = 1_000;

/** See above. */
export class TargetHealth {
  readonly #breaker: Breaker;
  readonly #budget: RetryBudget;
  #latency: QuantileSketch | null = null;

  constructor(nowMs: number, random: () => number) {
    this.#breaker = new Breaker(random);
    this.#budget = new RetryBudget(nowMs);
  }

  /** Why the target may not be asked now, or null. */
  held(nowMs: number): Held | null {
    const { phase, forced, untilMs, cause } = this.#breaker.state(nowMs);
    if (forced === "closed") return null;
    if (forced === "open")
      return { cause: "circuit_open", retryAfterMs: UNKNOWN_WAIT_MS, isForced: true };
    if (phase === "closed") return null;
    if (phase === "half_open" && this.#breaker.freeProbes(nowMs) > 0) return null;
    return {
      cause: phase === "open" && cause === "retry_after" ? "rate_limited" : "circuit_open",
      retryAfterMs: phase === "open" ? Math.max(1, untilMs - nowMs) : UNKNOWN_WAIT_MS,
      isForced: false,
    };
  }

  /** Takes a probe's place if the breaker is half-open; null when it is not, or none is free. */
  lease(ttlMs: number, nowMs: number): number | null {
    return this.#breaker.lease(ttlMs, nowMs);
  }

  /** Takes a token for one more request. */
  takeRetryToken(nowMs: number): boolean {
    return this.#budget.take(nowMs);
  }

  /** How a request went. */
  report(
    pass: Pass,
    verdict: Verdict,
    durationMs: number,
    policy: ResiliencePolicy,
    nowMs: number,
  ): void {
    const end = this.#endOf(verdict, durationMs, policy);
    if (verdict.class === "ok") {
      this.#budget.earn(policy.retry.budget, nowMs);
      this.#latency ??= new QuantileSketch(LATENCY);
      this.#latency.add(durationMs, nowMs);
    }
    if (!policy.breaker.enabled) return;
    const { baseline = null } = policy.breaker;
    if (pass.probe !== null) this.#breaker.answer(pass.probe, end, nowMs);
    else if (end !== "ignored")
      this.#breaker.count(end === "good" ? 1 : 0, end === "bad" ? 1 : 0, baseline, nowMs);
    if (verdict.class === "rate_limited" && verdict.retryAfterMs !== null)
      this.#breaker.hold(nowMs + verdict.retryAfterMs, nowMs);
  }

  #endOf(verdict: Verdict, durationMs: number, policy: ResiliencePolicy): ProbeEnd {
    switch (verdict.class) {
      case "ok":
        return durationMs > (policy.breaker.slow_ms ?? Infinity) ? "bad" : "good";
      case "failed":
        return "bad";
      case "timed_out":
        return durationMs >= this.#fairMs() ? "bad" : "ignored";
      case "rate_limited":
      case "credential":
      case "ignored":
        return "ignored";
    }
  }

  /** A request that had so much time and no answer was too slow. */
  #fairMs(): number {
    return this.#latency?.quantile(FAIR_QUANTILE) ?? UNMEASURED_MS;
  }
}
