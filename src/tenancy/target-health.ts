/**
 * What one isolate knows of one target of one tenant: its breaker, the budget of repeated requests, how long it takes, and
 * what the tenant's gate has not been told yet.
 *
 * The breaker opens here at once. What the gate says of it goes first: while the gate has it open, its probes are leased
 * there, so all isolates together send as many as the stage has places. When the gate cannot be reached this isolate's own
 * machine goes on by itself. All of it is memory of an isolate; losing it costs a few calls to a target that fails.
 */

import { Breaker, FIRST_OPEN_MS, type ProbeEnd } from "../algorithms/breaker.ts";
import { HedgeTrigger } from "../algorithms/hedge-trigger.ts";
import { RetryBudget } from "../algorithms/retry-budget.ts";
import type { SharedBreaker, TargetWord } from "../contract/breaker.ts";
import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { Held, Pass, Verdict } from "../contract/upstream-session.ts";

/** A request that was given up sooner than this says nothing of a target that was never measured. */
const UNMEASURED_MS = 500;

/** A request given up before so many of those that succeed are answered says nothing of its target. */
const FAIR_QUANTILE = 0.95;

/** So much of the hedges' budget is planned for; the rest is for streaks. */
const SPENT_SHARE = 0.8;

/** What a caller is told who meets a breaker whose end nobody knows: forced open, or waiting for its probes. */
const UNKNOWN_WAIT_MS = 1_000;

/** Failures are told to the gate so often; what cannot wait, at once. */
const TELL_EVERY_MS = 1_000;

/**
 * Failures that could not be told for so long are not told any more: it is the shortest a breaker stands open, so one that
 * opened meanwhile may have closed again, and they would count against a target that has recovered.
 */
const TELL_WITHIN_MS = FIRST_OPEN_MS / 2;

/** Whether a breaker is still forced open is asked so often; nothing else would tell an isolate that sends nothing there. */
const ASK_AGAIN_MS = 1_000;

/** Probes that ended and the gate may not know of yet; more than a stage has. */
const MAX_ANSWERS = 16;

type News = Omit<TargetWord, "target" | "baseline" | "answers" | "holdMs">;

const NOTHING_NEW: News = { good: 0, bad: 0, timedOut: 0, limited: 0 };

/** What a request was sent under. */
export interface SentUnder {
  readonly policy: ResiliencePolicy;
  /** The key a target is sent, by a name that changes with it; null for none. Asked only when a key is, or was, refused. */
  readonly credentialOf: (target: string) => string | null;
}

/** See above. */
export class TargetHealth {
  readonly #target: string;
  readonly #breaker: Breaker;
  readonly #budget: RetryBudget;
  #hedges: HedgeTrigger | null = null;
  #news = NOTHING_NEW;
  /** When the newest failure of the news was seen. */
  #failedAtMs = 0;
  /** The target has asked to be left alone until then, and the gate was not told; 0: it has not. */
  #holdUntilMs = 0;
  #answers: { readonly probe: number; readonly end: ProbeEnd }[] = [];
  #baseline: number | null = null;
  #isUrgent = false;
  #toldAtMs = 0;
  /** The gate has this breaker open, and leases its probes. */
  #isShared = false;
  #sharedEpoch = 0;
  #heardAtMs = 0;
  /** Until then a call of this isolate waits for the gate's word on a probe. */
  askingUntilMs = 0;

  constructor(target: string, nowMs: number, random: () => number) {
    this.#target = target;
    this.#breaker = new Breaker(random);
    this.#budget = new RetryBudget(nowMs);
  }

  /** Why the target may not be asked now, or null. `credentialOf` as in `SentUnder`. */
  held(nowMs: number, credentialOf: SentUnder["credentialOf"]): Held | null {
    const { phase, forced, untilMs, cause, credential } = this.#breaker.state(nowMs);
    if (forced === "closed" || (forced === null && phase === "closed")) return null;
    const isParked = forced === null && cause === "credential";
    // Its key was changed since.
    if (isParked && credential !== credentialOf(this.#target)) return null;
    const isProbing = forced === null && phase === "half_open";
    if (isProbing && !this.#isShared && this.#breaker.freeProbes(nowMs) > 0) return null;
    const isWait = forced === null && phase === "open" && cause === "retry_after";
    const isTimed = forced === null && phase === "open";
    const isOld = forced === "open" && nowMs - this.#heardAtMs >= ASK_AGAIN_MS;
    return {
      cause: isParked ? "credential" : isWait ? "rate_limited" : "circuit_open",
      retryAfterMs: isTimed ? Math.max(1, untilMs - nowMs) : UNKNOWN_WAIT_MS,
      isForced: forced !== null || isParked,
      mayProbe: this.#isShared && nowMs >= this.askingUntilMs && (isProbing || isOld),
    };
  }

  /** Takes a probe's place of this isolate's own machine; null when there is none or none is needed. */
  lease(ttlMs: number, nowMs: number): number | null {
    return this.#breaker.lease(ttlMs, nowMs);
  }

  /** Takes a token for one more request. */
  takeRetryToken(nowMs: number): boolean {
    return this.#budget.take(nowMs);
  }

  /** After how long a hedge is worth it; null when it never is. */
  hedgeAfterMs({ quantile, budget }: ResiliencePolicy["hedge"]): number | null {
    // Fewer slow requests than the budget pays for: else the slowest of them would find it spent.
    const affordable = 1 - SPENT_SHARE * budget;
    const late = this.#hedges?.lateMs() ?? null;
    if (this.#hedges?.canTake !== true) return late;
    return this.#hedges.afterMs(Math.max(quantile, affordable)) ?? late;
  }

  /** After how long a request hangs; null before any was measured. */
  lateMs(): number | null {
    return this.#hedges?.lateMs() ?? null;
  }

  /** Takes a token for a hedge; one for a request that hangs is a repeated request like any other. */
  takeHedgeToken(waitedMs: number, nowMs: number): boolean {
    const isLate = waitedMs >= (this.#hedges?.lateMs() ?? Infinity);
    if (this.#hedges === null || (!isLate && !this.#hedges.canTake)) return false;
    if (!this.#budget.take(nowMs)) return false;
    if (!isLate) this.#hedges.take();
    return true;
  }

  /** Whether the gate should hear of this target now. */
  isDue(nowMs: number): boolean {
    const isNews = this.#news.bad > 0 || this.#news.limited > 0;
    return this.#isUrgent || (isNews && nowMs - this.#toldAtMs >= TELL_EVERY_MS);
  }

  /** What the gate does not know yet. Counts are handed over; answers stay until `heard`. */
  collect(nowMs: number): TargetWord {
    this.#forgetOldFailures(nowMs);
    const word = {
      target: this.#target,
      baseline: this.#baseline,
      holdMs: Math.max(0, this.#holdUntilMs - nowMs),
      answers: [...this.#answers],
      ...this.#news,
    };
    this.#news = NOTHING_NEW;
    this.#holdUntilMs = 0;
    this.#isUrgent = false;
    this.#toldAtMs = nowMs;
    return word;
  }

  /** The gate has heard so many answers; this is how it sees the breaker, null: closed. */
  heard(answers: number, shared: SharedBreaker | null, nowMs: number): void {
    this.#answers.splice(0, answers);
    this.#heardAtMs = nowMs;
    if (shared === null) {
      if (this.#isShared) this.#breaker.force(null);
      this.#isShared = false;
      return;
    }
    if (this.#isShared && shared.epoch <= this.#sharedEpoch) return;
    this.#isShared = true;
    this.#sharedEpoch = shared.epoch;
    const { phase, forced, openForMs, openMs, cause, credential = null } = shared;
    const untilMs = nowMs + openForMs;
    this.#breaker.adopt({ phase, forced, untilMs, openMs, cause, credential });
  }

  /** How a request went. */
  report(
    pass: Pass,
    verdict: Verdict,
    durationMs: number,
    { policy, credentialOf }: SentUnder,
    nowMs: number,
  ): void {
    const end = this.#endOf(verdict, durationMs, policy);
    if (pass.isHedge !== true) this.#measure(verdict, durationMs, policy, nowMs);
    if (!policy.breaker.enabled) return;
    const { phase } = this.#breaker.state(nowMs);
    this.#judgeKey(verdict, credentialOf, nowMs);
    this.#baseline = policy.breaker.baseline ?? null;
    if (pass.isLeased) this.#answer(pass.probe, end);
    else if (pass.probe !== null) this.#answerOwn(pass.probe, end, nowMs);
    else this.#count(end, verdict, nowMs);
    if (verdict.class === "rate_limited" && verdict.retryAfterMs !== null) {
      this.#holdUntilMs = nowMs + verdict.retryAfterMs;
      this.#breaker.hold(this.#holdUntilMs, nowMs);
    }
    if (this.#breaker.state(nowMs).phase !== phase) this.#isUrgent = true;
  }

  /** What a request that was asked for says of how long they take. */
  #measure(verdict: Verdict, durationMs: number, policy: ResiliencePolicy, nowMs: number): void {
    if (verdict.class === "ok") this.#budget.earn(policy.retry.budget, nowMs);
    if (verdict.class !== "ok" && verdict.class !== "lost") return;
    this.#hedges ??= new HedgeTrigger();
    this.#hedges.observe(durationMs, nowMs);
    this.#hedges.earn(policy.hedge.budget);
  }

  /** A key that the target refused is parked; one that it takes in its place ends that. */
  #judgeKey(
    { class: kind, executed }: Verdict,
    credentialOf: SentUnder["credentialOf"],
    nowMs: number,
  ): void {
    // A key that is not to be had was not refused.
    const isRefused = kind === "credential" && executed;
    if (!isRefused && (kind !== "ok" || !this.#breaker.isParked(nowMs))) return;
    const id = credentialOf(this.#target);
    // Where none is sent there is none to spare.
    if (id === null) return;
    if (isRefused) this.#breaker.park(id, nowMs);
    else this.#breaker.unpark(id, nowMs);
    this.#news = { ...this.#news, credential: { id, isRefused } };
  }

  #answer(probe: number | null, end: ProbeEnd): void {
    if (probe === null || this.#answers.length >= MAX_ANSWERS) return;
    this.#answers.push({ probe, end });
    this.#isUrgent = true;
  }

  /** The gate may have opened since this isolate did by itself; who says nothing hears of neither that nor its end. */
  #answerOwn(probe: number, end: ProbeEnd, nowMs: number): void {
    this.#breaker.answer(probe, end, nowMs);
    if (end === "good" && !this.#isShared) this.#isUrgent = true;
  }

  #count(end: ProbeEnd, verdict: Verdict, nowMs: number): void {
    const good = end === "good" ? 1 : 0;
    const bad = end === "bad" ? 1 : 0;
    this.#breaker.count(good, bad, this.#baseline, nowMs);
    if (bad > 0) {
      this.#forgetOldFailures(nowMs);
      this.#failedAtMs = nowMs;
    }
    this.#news = {
      ...this.#news,
      good: this.#news.good + good,
      bad: this.#news.bad + bad,
      timedOut: this.#news.timedOut + (verdict.class === "timed_out" ? bad : 0),
      limited: this.#news.limited + (verdict.class === "rate_limited" ? 1 : 0),
    };
  }

  #forgetOldFailures(nowMs: number): void {
    if (this.#news.bad === 0 || nowMs - this.#failedAtMs < TELL_WITHIN_MS) return;
    this.#news = { ...this.#news, bad: 0, timedOut: 0 };
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
      case "lost":
      case "ignored":
        return "ignored";
    }
  }

  /** A request that had so much time and no answer was too slow. */
  #fairMs(): number {
    return this.#hedges?.quantile(FAIR_QUANTILE) ?? UNMEASURED_MS;
  }
}
