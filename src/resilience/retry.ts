/**
 * Retry: the only layer of the gateway that sends a failed request again.
 *
 * It does so when the effect of the call allows it, the failure may pass, attempts and budget are left, and the pause ends
 * before the deadline. The pause has full jitter; what the upstream asked for (`Retry-After`) is its lower bound, and one
 * that exceeds what is left of the deadline ends the call at once, with that word. A caller that leaves ends the pause.
 */

import { type BackoffRange, fullJitterMs } from "../algorithms/full-jitter.ts";
import type { Verdict } from "../contract/upstream-session.ts";
import type { Clock } from "../platform/clock.ts";

/** Pauses without a word of the upstream. */
const BACKOFF: BackoffRange = { baseMs: 100, capMs: 2_000 };

/** How often one call waits for a target that has asked to be left alone. */
const MAX_WAITS = 16;

/** What a call's effect allows. */
export type RetryRule =
  /** Whatever became of the attempt. */
  | "always"
  /** Only when the upstream provably did nothing. */
  | "only_if_not_executed"
  | "never";

/** How often, and by when. */
export interface RetryRules {
  readonly allowed: RetryRule;
  readonly maxAttempts: number;
  /** No attempt starts after it, epoch ms. */
  readonly deadlineAtMs: number;
}

/** What retrying needs of the world. */
export interface RetryWorld {
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes leave for one request more; false when the budget is spent. */
  takeToken(): boolean;
}

/** An attempt's end. `wasSent` is false when it was held back, so repeating it costs the upstream nothing. */
export interface Judged<R> {
  readonly result: R;
  readonly verdict: Verdict;
  readonly wasSent: boolean;
  /** There is a target that this call has not asked: no pause for the other's sake, and another key. */
  readonly hasOther: boolean;
}

/** Runs `once` until it succeeds or must not be repeated. An attempt held back after one that was sent gives way to that one's end. */
export async function withRetries<R>(
  rules: RetryRules,
  world: RetryWorld,
  signal: AbortSignal,
  once: () => Promise<Judged<R>>,
): Promise<R> {
  let sent: Judged<R> | null = null;
  const count = { attempts: 0, waits: 0 };
  for (;;) {
    const judged = await once();
    // Waiting for a target that asked to be left alone costs it nothing.
    if (judged.wasSent) count.attempts += 1;
    else count.waits += 1;
    if (judged.wasSent) sent = judged;
    const end = sent ?? judged;
    const pauseMs = signal.aborted ? null : pauseBefore(judged, count, rules, world);
    if (pauseMs === null) return end.result;
    await world.clock.sleep(pauseMs, signal);
    if (signal.aborted) return end.result;
  }
}

/** The pause before another attempt, or null when there must be none. */
function pauseBefore<R>(
  { verdict, wasSent, hasOther }: Judged<R>,
  { attempts, waits }: { readonly attempts: number; readonly waits: number },
  rules: RetryRules,
  world: RetryWorld,
): number | null {
  if (attempts >= rules.maxAttempts || waits >= MAX_WAITS) return null;
  if (!mayPass(verdict, hasOther)) return null;
  if (rules.allowed === "never") return null;
  if (rules.allowed === "only_if_not_executed" && verdict.executed) return null;
  const jitterMs = fullJitterMs(Math.max(1, attempts), BACKOFF, world.random);
  const pauseMs = (hasOther ? 0 : (verdict.retryAfterMs ?? 0)) + jitterMs;
  if (world.clock.now() + pauseMs >= rules.deadlineAtMs) return null;
  return !wasSent || world.takeToken() ? pauseMs : null;
}

/** Failures that another attempt may not meet. */
function mayPass({ class: kind }: Verdict, hasOther: boolean): boolean {
  if (kind === "credential") return hasOther;
  return kind === "failed" || kind === "timed_out" || kind === "rate_limited";
}
