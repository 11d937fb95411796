/**
 * Isolates that pace their requests to one upstream with a limit, on simulated time. Each has the gateway's own pace and knows
 * nothing of the others; callers come more often than the upstream takes, and some leave while they wait.
 */

import { TargetPace } from "../../src/resilience/pace.ts";
import { Events } from "../balance/events.ts";
import { seededRandom } from "../statistics.ts";

/** What may come at once at the upstream, as a part of a second's requests. */
const BURST_PART = 0.5;

/** An answer takes so long, and as much again at most; a refusal a tenth. */
const ANSWER_MS = 50;

/** What is lived through. */
export interface PacedPlan {
  readonly isolates: number;
  /** Limits of the upstream a second, each for so long. */
  readonly limits: readonly number[];
  readonly phaseMs: number;
  /** Requests a second, all isolates together. */
  readonly perSecond: number;
  readonly maxQueue: number;
  readonly maxWaitMs: number;
  /** Share of callers who leave within a tenth of a second. */
  readonly leaving: number;
  readonly seed: number;
}

/** What was seen of it. */
export interface PacedTally {
  /** When requests were accepted and refused by the upstream, ms. */
  readonly accepted: readonly number[];
  readonly refused: readonly number[];
  /** Most that waited at once in one isolate. */
  readonly mostWaiting: number;
  /** Callers who left while they waited, and how long the slowest of them took to be out. */
  readonly left: number;
  readonly slowestLeaveMs: number;
  /** Requests of callers who had left that were sent all the same. */
  readonly sentForNobody: number;
}

/** Lives through a plan. */
export async function livePaced(plan: PacedPlan): Promise<PacedTally> {
  const { isolates, limits, phaseMs, perSecond, maxQueue, maxWaitMs, leaving, seed } = plan;
  const random = seededRandom(seed);
  const events = new Events();
  const clock = { now: () => events.nowMs, sleep: sleeper(events) };
  const paces = Array.from({ length: isolates }, () => new TargetPace(clock));
  const accepted: number[] = [];
  const refused: number[] = [];
  const tally = { mostWaiting: 0, left: 0, slowestLeaveMs: 0, sentForNobody: 0 };
  let tokens = (limits[0] ?? 0) * BURST_PART;
  let filledMs = 0;
  const isTaken = (): boolean => {
    const { nowMs } = events;
    const limit = limits[Math.min(limits.length - 1, Math.floor(nowMs / phaseMs))] ?? 0;
    tokens = Math.min(limit * BURST_PART, tokens + ((nowMs - filledMs) * limit) / 1000);
    filledMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
  const call = async (): Promise<void> => {
    const pace = paces[Math.floor(random() * isolates)];
    if (pace === undefined) return;
    const caller = new AbortController();
    let leftMs: number | null = null;
    if (random() < leaving) {
      events.in(random() * 100, () => {
        leftMs = events.nowMs;
        caller.abort();
      });
    }
    const entered = pace.enter(maxQueue, events.nowMs + maxWaitMs, caller.signal);
    tally.mostWaiting = Math.max(tally.mostWaiting, pace.waiting);
    const waitMs = await entered;
    if (leftMs !== null) {
      tally.left += 1;
      tally.slowestLeaveMs = Math.max(tally.slowestLeaveMs, events.nowMs - leftMs);
      if (waitMs === 0) tally.sentForNobody += 1;
    }
    if (waitMs > 0) return;
    const sentMs = events.nowMs;
    const isAccepted = isTaken();
    (isAccepted ? accepted : refused).push(sentMs);
    events.in(ANSWER_MS * (1 + random()) * (isAccepted ? 1 : 0.1), () =>
      pace.ended(isAccepted ? "ok" : "rate_limited", sentMs),
    );
  };
  const untilMs = limits.length * phaseMs;
  const arrive = (): void => {
    void call();
    const nextMs = (-Math.log(1 - random()) * 1000) / perSecond;
    if (events.nowMs + nextMs < untilMs) events.in(nextMs, arrive);
  };
  events.in(0, arrive);
  await events.runWithPromises(untilMs + maxWaitMs + 1000);
  return { accepted, refused, ...tally };
}

/** `sleep` on simulated time. */
function sleeper(events: Events): (ms: number, signal: AbortSignal) => Promise<void> {
  return (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
      events.in(ms, resolve);
    });
}
