/**
 * `npm run bench -- hedge`: what a second request beside a slow one does to the slowest answers, through the real guard on a
 * clock that jumps from event to event.
 *
 * The model is a tool whose answers take a log-normal time (median 100 ms, σ 0.5), one in a hundred five to twenty times as
 * long. Without hedges the same seed draws the same times.
 */

import type { ResiliencePolicy } from "../src/contract/resilience-policy.ts";
import { balanceTarget } from "../src/contract/balance.ts";
import { FakeClock } from "../src/library/testing/fake-clock.ts";
import { ok } from "../src/platform/result.ts";
import { Balancer } from "../src/resilience/balancer.ts";
import { guard } from "../src/resilience/guard.ts";
import { upstreamSession } from "../src/tenancy/upstream-sessions.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { quantile, seededRandom } from "./statistics.ts";

const CALLS = 20_000;
const MEDIAN_MS = 100;
const SIGMA = 0.5;
const STRAGGLERS = 0.01;
const TIMEOUT_MS = 60_000;
/** Calls of a fan-out that wait for their slowest. */
const FAN_OUT = 8;

interface Tally {
  readonly tookMs: readonly number[];
  readonly requests: number;
}

/** A standard normal number. Source: G. E. P. Box, M. E. Muller, 1958. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function answerMs(random: () => number): number {
  const usual = MEDIAN_MS * Math.exp(SIGMA * normal(random));
  return random() < STRAGGLERS ? usual * (5 + 15 * random()) : usual;
}

async function measure(calls: number, seed: number, enabled: boolean): Promise<Tally> {
  const policy: ResiliencePolicy = {
    retry: { max_attempts: 3, budget: 0.1 },
    hedge: { enabled, quantile: 0.95, budget: 0.05 },
    breaker: { enabled: true },
    concurrency: "off",
  };
  const clock = new FakeClock();
  const draw = { first: seededRandom(seed), hedge: seededRandom(seed + 1) };
  const tenantId = `bench_${seed}_${enabled}`;
  const session = upstreamSession({ tenantId, policy, now: () => clock.now(), random: draw.hedge });
  const balancer = new Balancer();
  const tookMs: number[] = [];
  let requests = 0;
  for (let n = 0; n < calls; n += 1) {
    const startedMs = clock.now();
    let isHedge = false;
    const call = {
      targets: [balanceTarget("tool:bench", {})],
      balance: { balancer, strategy: "peak_ewma" as const, key: "" },
      timeoutMs: TIMEOUT_MS,
      retry: { allowed: "always" as const, maxAttempts: 3 },
      ...(enabled && { hedge: { spare: null, onHedge: () => void (isHedge = true) } }),
      attempt: async (_: unknown, signal: AbortSignal) => {
        requests += 1;
        await clock.sleep(answerMs(isHedge ? draw.hedge : draw.first), signal);
        return ok(null);
      },
      classify: () => ({ class: "ok" as const, retryAfterMs: null, executed: true }),
    };
    const world = { session, clock, random: draw.hedge };
    await clock.runUntil(guard(call, world, new AbortController().signal));
    tookMs.push(clock.now() - startedMs);
  }
  return { tookMs, requests };
}

/** The slowest of each group of calls. */
function slowestOf(tookMs: readonly number[], size: number): readonly number[] {
  return Array.from({ length: Math.floor(tookMs.length / size) }, (_, n) =>
    Math.max(...tookMs.slice(n * size, (n + 1) * size)),
  );
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const calls = smoke ? CALLS / 20 : CALLS;
  const plain = await measure(calls, seed, false);
  const hedged = await measure(calls, seed, true);
  const subject = `${calls} calls, log-normal, 1 % stragglers`;
  const rows: BenchRow[] = [];
  for (const [metric, of] of [
    ["p99", (t: Tally) => quantile(t.tookMs, 0.99)],
    ["p99.9", (t: Tally) => quantile(t.tookMs, 0.999)],
    [`p99 of ${FAN_OUT} at once`, (t: Tally) => quantile(slowestOf(t.tookMs, FAN_OUT), 0.99)],
  ] as const) {
    rows.push(row(subject, `${metric} without hedges`, of(plain), "ms"));
    rows.push(row(subject, `${metric} with hedges`, of(hedged), "ms"));
  }
  const cut = quantile(plain.tookMs, 0.999) / quantile(hedged.tookMs, 0.999);
  rows.push(row(subject, "p99.9 cut by", cut, "×", ">= 5"));
  const extra = (100 * (hedged.requests - plain.requests)) / calls;
  rows.push(row(subject, "extra requests", extra, "% of calls", "<= 5"));
  return rows;
}

/** Hedging against its figures. */
export const hedge: Bench = { name: "hedge", seed: 5, run };
