/**
 * `npm run bench -- backpressure`: what each strategy still does for its callers when they want three times what a limit allows.
 * Goodput is what was answered well, of what the limit allows.
 *
 * First `adaptive` in one to twenty isolates on simulated time, before an upstream whose limit halves and then doubles, with callers
 * that leave while they wait. Then all strategies through the built gateway in workerd, waiters that leave, and `adaptive` before
 * a model provider whose limit changes the same way.
 */

import type { Agent } from "node:http";

import { startGateway, type Gateway } from "../dev/gateway.ts";
import { bootstrapOperator, createTenantForTests } from "../dev/provision.ts";
import { startLimitedProvider, type LimitedProvider } from "./backpressure/limited-provider.ts";
import { sendLoad, type RequestEnd } from "./backpressure/load.ts";
import { simulatedRows } from "./backpressure/simulated-rows.ts";
import { type Bench, type BenchOptions, epochMs, pause } from "./bench.ts";
import { ask, keepAlive, open, type Sent } from "./http.ts";
import { row, type BenchRow } from "./report.ts";

/** What a limit allows a second, and how many times that comes. Little, so that a slow machine measures limits and not itself. */
const PER_SECOND = 10;
const TIMES = 3;
const SECONDS = 9;
/** What the bucket holds, in seconds of the limit, and when that has been spent. */
const BURST_S = 5;
const SETTLED_S = 4;

const MAX_QUEUE = 30;
const MIN_GOODPUT = 90;
const MIN_HIGH = 99;
const SOCKETS = 400;

/** Limits of the upstream, each for so long; what counts are the last seconds of each. */
const PHASES = [16, 8, 16];
const PHASE_WORDS = ["at first", "after it has halved", "after it has doubled"];
const PHASE_S = 16;
const COUNTED_S = 6;

const MAX_WAIT_MS = 2000;

/** On simulated time. */
const ISOLATES = [1, 5, 20];

/** By then everybody who may not wait has been refused. */
const FULL_MS = 2000;

/** Waiters that leave, and how many pass a second in that scene. */
const LEAVING = 20;
const LEFT_PER_SECOND = 10;

interface Scene {
  readonly gateway: Gateway;
  readonly operatorKey: string;
  readonly agent: Agent;
  readonly seed: number;
}

const CLOCK = {
  description: "Tells the time",
  input: { type: "object", properties: { time_zone: { type: "string" } } },
  builtin: "current_time",
  effect: "read",
};
const RUN = { calls: [{ tool: "clock", arguments: {} }] };

/** Runs of a new tenant whose requests are limited. */
async function tenantRuns(
  { gateway, operatorKey }: Scene,
  limit: object,
  backpressure: object,
): Promise<Sent> {
  const { apiKey } = await createTenantForTests(gateway.baseUrl, operatorKey, {
    tools: { clock: CLOCK },
    policy: {
      limits: { requests: [limit] },
      backpressure,
    },
  });
  const sent = { headers: { authorization: `Bearer ${apiKey}` }, body: RUN };
  await ask(`${gateway.baseUrl}/v1/limits`, { headers: sent.headers }, keepAlive(1));
  return sent;
}

/** Three times the limit under one strategy, by priority where that matters. */
async function strategyRows(scene: Scene, strategy: string): Promise<readonly BenchRow[]> {
  const { gateway, agent, seed } = scene;
  const limit = { limit: 10 * PER_SECOND, window_s: 10, burst: BURST_S * PER_SECOND };
  const runs = await tenantRuns(scene, limit, {
    strategy,
    max_queue: MAX_QUEUE,
    max_wait_ms: MAX_WAIT_MS,
  });
  const shares = { high: 0.5, normal: 1, low: TIMES - 1.5 };
  const kinds = Object.entries(shares).map(([kind, share]) => ({
    kind,
    perSecond: PER_SECOND * share,
    sent: { ...runs, headers: { ...runs.headers, "x-gw-priority": kind } },
  }));
  const durationMs = SECONDS * 1000;
  const startedMs = epochMs();
  const ends = await sendLoad({
    url: `${gateway.baseUrl}/v1/runs`,
    kinds,
    durationMs,
    seed,
    agent,
  });
  const fromMs = startedMs + SETTLED_S * 1000;
  const goodput = passedBetween(ends, fromMs, startedMs + durationMs) / PER_SECOND;
  const subject = `${strategy}, ${TIMES}× the limit`;
  return [
    row(subject, "goodput of what the limit allows", goodput * 100, "%", `>= ${MIN_GOODPUT}`),
    ...oddRows(subject, ends),
    ...(strategy === "drop" ? dropRows(subject, ends) : []),
  ];
}

/** Answered well, a second. */
function passedBetween(ends: readonly RequestEnd[], fromMs: number, untilMs: number): number {
  const passed = ends.filter(
    ({ status, endedMs }) => status === 200 && endedMs >= fromMs && endedMs < untilMs,
  );
  return (passed.length * 1000) / (untilMs - fromMs);
}

function oddRows(subject: string, ends: readonly RequestEnd[]): readonly BenchRow[] {
  const odd = ends.filter(({ status }) => status !== 200 && status !== 429 && status !== 503);
  return [row(subject, "neither answered nor refused", odd.length, "answers", "== 0")];
}

function dropRows(subject: string, ends: readonly RequestEnd[]): readonly BenchRow[] {
  return ["high", "normal", "low"].map((kind) => {
    const all = ends.filter((end) => end.kind === kind);
    const share = (100 * all.filter(({ status }) => status === 200).length) / all.length;
    const bar = kind === "high" ? `>= ${MIN_HIGH}` : undefined;
    return row(subject, `answered, ${kind} priority`, share, "%", bar);
  });
}

/** Of three times as many as may wait, and a limit that lets hardly one pass, so many are still there after a moment. */
async function fullRows(scene: Scene, strategy: string): Promise<readonly BenchRow[]> {
  const limit = { limit: 1, window_s: 4 };
  const backpressure = { strategy, max_queue: MAX_QUEUE, max_wait_ms: 60_000 };
  const sent = await tenantRuns(scene, limit, backpressure);
  const url = `${scene.gateway.baseUrl}/v1/runs`;
  const came = Array.from({ length: TIMES * MAX_QUEUE }, () =>
    open(url, { method: "POST", ...sent }),
  );
  let waiting = came.length;
  const gone = () => void (waiting -= 1);
  for (const { response } of came) response.then(gone, gone);
  await pause(FULL_MS);
  const most = waiting;
  for (const { reset } of came) reset();
  const subject = `${strategy}, ${came.length} requests at once`;
  return [row(subject, "that wait", most, "requests", `<= ${MAX_QUEUE}`)];
}

/** A queue that was full of waiters whose clients left has room at once, and what they would have taken is there. */
async function leavingRows(scene: Scene): Promise<readonly BenchRow[]> {
  const { gateway, agent } = scene;
  const url = `${gateway.baseUrl}/v1/runs`;
  const limit = { limit: 10 * LEFT_PER_SECOND, window_s: 10, burst: LEFT_PER_SECOND };
  const sent = await tenantRuns(scene, limit, {
    strategy: "queue",
    max_queue: LEAVING,
    max_wait_ms: 10_000,
  });
  const post = { method: "POST", ...sent };
  for (let n = 0; n < LEFT_PER_SECOND; n += 1) await ask(url, post, agent);
  const leaving = Array.from({ length: LEAVING }, () => open(url, post));
  await pause(150);
  // The local runtime sees a normal close only when it writes.
  for (const { reset } of leaving) reset();
  await pause(50);
  const startedMs = epochMs();
  const came = await Promise.all(Array.from({ length: LEAVING }, () => ask(url, post, agent)));
  const tookMs = epochMs() - startedMs;
  const subject = `a queue of ${LEAVING} whose clients left`;
  const refused = came.filter(({ status }) => status !== 200).length;
  const needMs = (LEAVING * 1000) / LEFT_PER_SECOND;
  return [
    row(subject, "refused of those that came next", refused, "requests", "== 0"),
    row(
      subject,
      "time until these had passed, of what the limit takes",
      tookMs / needMs,
      "×",
      "<= 1.3",
    ),
  ];
}

/** `adaptive` before an upstream that takes less, then more. */
async function adaptiveRows(scene: Scene): Promise<readonly BenchRow[]> {
  const provider = await startLimitedProvider(PHASES[0] ?? 0);
  try {
    return await followed(scene, provider);
  } finally {
    await provider.server.close();
  }
}

async function followed(scene: Scene, provider: LimitedProvider): Promise<readonly BenchRow[]> {
  const { gateway, operatorKey, agent, seed } = scene;
  const { apiKey } = await createTenantForTests(gateway.baseUrl, operatorKey, {
    modelBaseUrl: `${provider.server.url}/v1`,
    tools: {},
    policy: {
      limits: { requests: [{ limit: 1_000_000, window_s: 10 }], concurrent_runs: 10_000 },
      backpressure: { strategy: "adaptive", max_queue: MAX_QUEUE, max_wait_ms: MAX_WAIT_MS },
    },
  });
  const body = { model: "limited", messages: [{ role: "user", content: "Count." }] };
  const sent = { headers: { authorization: `Bearer ${apiKey}` }, body };
  const perSecond = TIMES * (PHASES[0] ?? 0);
  const startedMs = epochMs();
  const loaded = sendLoad({
    url: `${gateway.baseUrl}/v1/chat/completions`,
    kinds: [{ kind: "chat", perSecond, sent }],
    durationMs: PHASES.length * PHASE_S * 1000,
    seed,
    agent,
  });
  for (const [n, limit] of PHASES.entries()) {
    await pause(Math.max(0, startedMs + n * PHASE_S * 1000 - epochMs()));
    provider.limitTo(limit);
  }
  const ends = await loaded;
  const rows = PHASES.flatMap((limit, n) => {
    const untilMs = startedMs + (n + 1) * PHASE_S * 1000;
    const fromMs = untilMs - COUNTED_S * 1000;
    const count = (times: readonly number[]) =>
      times.filter((atMs) => atMs >= fromMs && atMs < untilMs).length;
    const [accepted, refused] = [count(provider.accepted), count(provider.refused)];
    const goodput = passedBetween(ends, fromMs, untilMs) / limit;
    const subject = `adaptive, an upstream's limit ${PHASE_WORDS[n] ?? ""}`;
    return [
      row(subject, "goodput of what the limit allows", goodput * 100, "%", `>= ${MIN_GOODPUT}`),
      row(subject, "refused of what was sent", (100 * refused) / (accepted + refused), "%"),
    ];
  });
  const subject = `adaptive, ${TIMES}× the upstream's limit`;
  return [...rows, ...oddRows(subject, ends)];
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const simulated: BenchRow[] = [];
  for (const isolates of smoke ? [5] : ISOLATES)
    simulated.push(...(await simulatedRows(seed, isolates, TIMES)));
  return smoke ? simulated : [...simulated, ...(await inWorkerd(seed))];
}

async function inWorkerd(seed: number): Promise<readonly BenchRow[]> {
  const gateway = await startGateway();
  const agent = keepAlive(SOCKETS);
  try {
    const operatorKey = await bootstrapOperator(gateway.baseUrl, gateway.secrets.BOOTSTRAP_SECRET);
    const scene = { gateway, operatorKey, agent, seed };
    const rows: BenchRow[] = [];
    for (const strategy of ["fail_fast", "queue", "drop"])
      rows.push(...(await strategyRows(scene, strategy)));
    for (const strategy of ["queue", "adaptive"]) rows.push(...(await fullRows(scene, strategy)));
    return [...rows, ...(await leavingRows(scene)), ...(await adaptiveRows(scene))];
  } finally {
    agent.destroy();
    await gateway.dispose();
  }
}

/** Backpressure as a benchmark. */
export const backpressure: Bench = { name: "backpressure", seed: 20_261_123, run };
