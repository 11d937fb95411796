/**
 * `npm run bench -- breaker`: how soon the breaker opens and how often it opens for nothing, against seeded streams of
 * calls whose failures are drawn independently.
 *
 * Calls to open are the median after the onset, which follows a thousand calls of which one per cent fail. A false trip is
 * an opening within ten thousand calls at a base rate.
 */

import { Breaker } from "../src/algorithms/breaker.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { quantile, seededRandom } from "./statistics.ts";

const STREAMS = 1_000;
const CALM_CALLS = 1_000;
const CALM_RATE = 0.01;
const MOST_CALLS = 5_000;
const LONG_STREAM = 10_000;

/** Error rates and the calls within which the median stream has opened. */
const ONSETS = [
  { rate: 1, bar: "<= 5" },
  { rate: 0.6, bar: "<= 10" },
  { rate: 0.3, bar: "<= 40" },
] as const;

/** Base error rates; up to five per cent nothing may open. */
const BASES = [
  { rate: 0, bar: "== 0" },
  { rate: 0.01, bar: "== 0" },
  { rate: 0.05, bar: "== 0" },
  { rate: 0.1 },
  { rate: 0.2 },
] as const;

/** Feeds calls to a breaker until it is open; how many it took, or null. */
function feed(breaker: Breaker, rate: number, random: () => number, calls: number): number | null {
  for (let n = 1; n <= calls; n += 1) {
    const bad = random() < rate ? 1 : 0;
    breaker.count(1 - bad, bad, null, 0);
    if (breaker.state(0).phase === "open") return n;
  }
  return null;
}

function onset(rate: number, streams: number, seed: number): readonly number[] {
  return Array.from({ length: streams }, (_, n) => {
    const random = seededRandom(seed * 1_000_003 + n);
    const breaker = new Breaker(random);
    feed(breaker, CALM_RATE, random, CALM_CALLS);
    return feed(breaker, rate, random, MOST_CALLS) ?? MOST_CALLS;
  });
}

function falseTrips(rate: number, streams: number, seed: number): number {
  let trips = 0;
  for (let n = 0; n < streams; n += 1) {
    const random = seededRandom(seed * 7_000_003 + n);
    if (feed(new Breaker(random), rate, random, LONG_STREAM) !== null) trips += 1;
  }
  return trips;
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const streams = smoke ? STREAMS / 100 : STREAMS;
  const rows: BenchRow[] = [];
  for (const { rate, bar } of ONSETS) {
    const calls = onset(rate, streams, seed);
    const subject = `${rate * 100} % of calls fail from one moment on, ${streams} streams`;
    rows.push(row(subject, "calls until open, median", quantile(calls, 0.5), "calls", bar));
    rows.push(row(subject, "calls until open, p99", quantile(calls, 0.99), "calls"));
  }
  for (const base of BASES) {
    const subject = `${base.rate * 100} % of calls always fail, ${streams} streams of ${LONG_STREAM} calls`;
    const bar = "bar" in base ? base.bar : undefined;
    rows.push(
      row(subject, "streams that opened", falseTrips(base.rate, streams, seed), "streams", bar),
    );
  }
  rows.push(...hotPath(smoke ? 10_000 : 1_000_000));
  return rows;
}

/** What a call that succeeds costs its breaker. */
function hotPath(calls: number): readonly BenchRow[] {
  const breaker = new Breaker(() => 0.5);
  const startedAt = performance.now();
  for (let n = 0; n < calls; n += 1) {
    breaker.state(n);
    breaker.count(1, 0, null, n);
  }
  const microseconds = ((performance.now() - startedAt) * 1000) / calls;
  return [row("a closed breaker", "looked at and told of a success", microseconds, "µs", "<= 2")];
}

/** The breaker against its figures. */
export const breaker: Bench = { name: "breaker", seed: 3, run };
