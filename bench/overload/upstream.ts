/**
 * One upstream under more load than it can serve, and the isolates in front of it, on simulated time.
 *
 * It serves so many requests at once and queues the others without end; it does not notice that a caller has given up, so what
 * nobody waits for any more still takes its turn: without limits it works for nobody in the end. Each isolate has the
 * concurrency limit and the timeouts that the gateway uses.
 */

import { AttemptTimes } from "../../src/resilience/attempt-times.ts";
import { ConcurrencyLimit, type LimitMode } from "../../src/resilience/concurrency.ts";
import type { Tier } from "../../src/resilience/shedding.ts";
import { Events } from "../balance/events.ts";
import { MEAN_OVER_MEDIAN, Server } from "../balance/fleet.ts";
import { seededRandom } from "../statistics.ts";

const ISOLATES = 5;
const SLOTS = 40;
/** Median service time of the upstream when it is well. */
export const MEDIAN_MS = 100;

/** Time a call has. */
const TIMEOUT_MS = 5_000;

/** What calls are for, as shares of all. */
const MIX: readonly (readonly [Tier, number])[] = [
  ["interactive", 0.05],
  ["agent_step", 0.25],
  ["background", 0.5],
  ["spare", 0.2],
];

/** Calls of one run, which share a cohort. */
const CALLS_PER_RUN = 5;

/** How a call ended. */
export interface CallEnd {
  readonly tier: Tier;
  readonly startedMs: number;
  /** Until its answer, waiting included; null when there was none. */
  readonly tookMs: number | null;
  readonly wasShed: boolean;
}

/** What is lived through. */
export interface Plan {
  /** Calls a second, all isolates together, by the second of the run. */
  readonly perSecond: (second: number) => number;
  readonly seconds: number;
  /** `null`: every call goes out at once. */
  readonly mode: LimitMode | null;
  readonly seed: number;
  /** Median service time in each second. */
  readonly medianAt?: (second: number) => number;
}

/** What was seen. */
export interface Seen {
  readonly ends: readonly CallEnd[];
  /** The time an attempt is given at the end of each second, mean over isolates, ms. */
  readonly timeoutMs: readonly number[];
}

/** The rate at which the upstream can serve, per second. */
export function capacity(medianMs: number): number {
  return (SLOTS / (medianMs * MEAN_OVER_MEDIAN)) * 1000;
}

const NEVER = new AbortController().signal;

/** Lives through a plan. */
export async function live({ perSecond, seconds, mode, seed, medianAt }: Plan): Promise<Seen> {
  const random = seededRandom(seed);
  const events = new Events();
  const upstream = { slots: SLOTS, medianMs: MEDIAN_MS, isFailing: false };
  const server = new Server(upstream, events, random);
  const clock = { now: () => events.nowMs, sleep: sleeper(events) };
  const isolates = Array.from({ length: ISOLATES }, () => ({
    limit: new ConcurrencyLimit(clock),
    times: new AttemptTimes(),
  }));
  const ends: CallEnd[] = [];
  const timeoutMs: number[] = [];
  let calls = 0;
  const call = async (): Promise<void> => {
    calls += 1;
    const isolate = isolates[Math.floor(random() * ISOLATES)];
    if (isolate === undefined) return;
    const { limit, times } = isolate;
    const tier = tierOf(random());
    const startedMs = events.nowMs;
    const endsAtMs = startedMs + TIMEOUT_MS;
    const run = `${tier} run ${Math.floor(calls / CALLS_PER_RUN)}`;
    const leave =
      mode === null ? () => undefined : await limit.enter({ mode, tier, run, endsAtMs }, NEVER);
    if (leave === null) {
      ends.push({ tier, startedMs, tookMs: null, wasShed: true });
      return;
    }
    const sentMs = events.nowMs;
    const waitMs = mode === null ? TIMEOUT_MS : times.timeoutMs(endsAtMs - sentMs);
    const isAnswered = await new Promise<boolean>((resolve) => {
      server.send(resolve);
      events.in(waitMs, () => resolve(false));
    });
    if (isAnswered) times.answered(events.nowMs - sentMs, events.nowMs);
    else times.gaveUp();
    leave(isAnswered ? "answered" : "dropped");
    const tookMs = isAnswered ? events.nowMs - startedMs : null;
    ends.push({ tier, startedMs, tookMs, wasShed: false });
  };
  const arrive = (): void => {
    void call();
    const nextMs = (-Math.log(1 - random()) * 1000) / perSecond(events.nowMs / 1000);
    if (events.nowMs + nextMs < seconds * 1000) events.in(nextMs, arrive);
  };
  events.in(0, arrive);
  for (let second = 0; second < seconds; second += 1) {
    upstream.medianMs = medianAt?.(second) ?? MEDIAN_MS;
    await events.runWithPromises((second + 1) * 1000);
    const given = isolates.map(({ times }) => times.timeoutMs(TIMEOUT_MS));
    timeoutMs.push(given.reduce((sum, each) => sum + each, 0) / given.length);
  }
  return { ends, timeoutMs };
}

function tierOf(u: number): Tier {
  let left = u;
  for (const [tier, share] of MIX) {
    left -= share;
    if (left < 0) return tier;
  }
  return "spare";
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
