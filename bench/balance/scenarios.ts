/**
 * The scenarios of the balancing table: eight upstreams of eight places, six isolates that know only what they saw
 * themselves, requests that arrive at random, times lognormal around 100 ms.
 */

import { quantile, seededRandom } from "../statistics.ts";
import { Events } from "./events.ts";
import { MEAN_OVER_MEDIAN, Server, type Upstream } from "./fleet.ts";
import type { Picker } from "./pickers.ts";

const UPSTREAMS = 8;
const SLOTS = 8;
const ISOLATES = 6;
const MEDIAN_MS = 100;

/** Start of a run that is not counted. */
const WARM_UP_MS = 20_000;

/** What is simulated. */
export interface Scenario {
  readonly name: string;
  /** Offered load as a share of what all upstreams that work can serve. */
  readonly utilisation: number;
  readonly upstreams: () => Upstream[];
}

function upstreams(factorOf: (index: number) => number, failing = -1): Upstream[] {
  return Array.from({ length: UPSTREAMS }, (_, index) => ({
    slots: SLOTS,
    medianMs: MEDIAN_MS * factorOf(index),
    isFailing: index === failing,
  }));
}

/** The scenarios of the table. */
export const SCENARIOS: readonly Scenario[] = [
  { name: "all alike", utilisation: 0.7, upstreams: () => upstreams(() => 1) },
  {
    name: "one 5× slow",
    utilisation: 0.55,
    upstreams: () => upstreams((index) => (index === 0 ? 5 : 1)),
  },
  {
    name: "1:8, each slower than the one before",
    utilisation: 0.75,
    upstreams: () => upstreams((index) => 8 ** (index / (UPSTREAMS - 1))),
  },
  { name: "one fails at once", utilisation: 0.55, upstreams: () => upstreams(() => 1, 0) },
];

/** What came of a run. */
export interface Outcome {
  readonly requests: number;
  /** Share of requests that failed. */
  readonly errors: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly p999: number;
  /** Requests of the busiest upstream over its share. */
  readonly busiest: number;
}

/** Lives through a scenario for `seconds` after its warm-up. */
export function simulate(
  scenario: Scenario,
  newPicker: (count: number, random: () => number) => Picker,
  seconds: number,
  seed: number,
): Outcome {
  const random = seededRandom(seed);
  const events = new Events();
  const fleet = scenario.upstreams().map((upstream) => new Server(upstream, events, random));
  const working = fleet.filter(({ upstream }) => !upstream.isFailing);
  const perMs = working.reduce(
    (sum, { upstream }) => sum + upstream.slots / (upstream.medianMs * MEAN_OVER_MEDIAN),
    0,
  );
  const everyMs = 1 / (perMs * scenario.utilisation);
  const pickers = Array.from({ length: ISOLATES }, () => newPicker(fleet.length, random));
  const endMs = WARM_UP_MS + seconds * 1000;
  const times: number[] = [];
  let errors = 0;
  const arrive = (): void => {
    const startedMs = events.nowMs;
    const picker = pickers[Math.floor(random() * pickers.length)];
    const picked = picker?.pick(startedMs);
    fleet[picked?.index ?? 0]?.send((succeeded) => {
      picked?.end(succeeded, events.nowMs);
      if (startedMs < WARM_UP_MS) return;
      if (succeeded) times.push(events.nowMs - startedMs);
      else errors += 1;
    });
    const nextMs = -Math.log(1 - random()) * everyMs;
    if (startedMs + nextMs < endMs) events.in(nextMs, arrive);
  };
  events.in(0, arrive);
  events.run(Infinity);
  const received = fleet.map((server) => server.received);
  const mean = received.reduce((sum, count) => sum + count, 0) / received.length;
  const requests = times.length + errors;
  return {
    requests,
    errors: errors / requests,
    p50: quantile(times, 0.5),
    p95: quantile(times, 0.95),
    p99: quantile(times, 0.99),
    p999: quantile(times, 0.999),
    busiest: Math.max(...received) / mean,
  };
}

/** Longest times of tower's ten endpoints, ms; a request takes anything up to it. */
const TOWER_MS = [1, 5, 10, 10, 10, 100, 100, 100, 500, 1000];
const TOWER_CLIENTS = 500;

/** tower's scenario: ten endpoints, one chooser, 500 clients that send their next request when the last was answered. */
export function simulateTower(
  newPicker: (count: number, random: () => number) => Picker,
  requests: number,
  seed: number,
): { readonly p50: number; readonly p99: number; readonly p999: number } {
  const random = seededRandom(seed);
  const events = new Events();
  const picker = newPicker(TOWER_MS.length, random);
  const times: number[] = [];
  let sent = 0;
  const next = (): void => {
    if (sent === requests) return;
    sent += 1;
    const startedMs = events.nowMs;
    const { index, end } = picker.pick(startedMs);
    events.in(random() * (TOWER_MS[index] ?? 0), () => {
      end(true, events.nowMs);
      times.push(events.nowMs - startedMs);
      next();
    });
  };
  for (let client = 0; client < TOWER_CLIENTS; client += 1) next();
  events.run(Infinity);
  return { p50: quantile(times, 0.5), p99: quantile(times, 0.99), p999: quantile(times, 0.999) };
}
