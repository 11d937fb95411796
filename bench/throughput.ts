/**
 * `npm run bench -- throughput`: the same chat completion over the same upstream through an empty Worker that forwards, Portkey's
 * open-source gateway and ours, all in one runtime; and a cached tool call beside a bare Hono route.
 *
 * Ours authenticates, limits and asks its breakers; the other two do none of that. The subjects take turns of a second or
 * less, so that the machine's mood hits all alike; a figure is the median over the turns.
 */

import type { Agent } from "node:http";

import { build } from "esbuild";

import type { Bench, BenchOptions } from "./bench.ts";
import { inParallel } from "./bench.ts";
import { startFastUpstream } from "./fast-upstream-process.ts";
import { ask, keepAlive, type Sent } from "./http.ts";
import { row, type BenchRow } from "./report.ts";
import { median, quantile } from "./statistics.ts";
import { hasPortkey } from "./throughput/install-portkey.ts";
import { portkeyWorker } from "./throughput/portkey-worker.ts";
import { sceneRows } from "./throughput/scenes.ts";
import { stepRows } from "./throughput/steps.ts";
import { openWorld, type World } from "./world.ts";

const TURNS = 9;
const WARM_TURNS = 1;
const REQUESTS_A_TURN = 1_200;
const WIDTH = 16;
/** Single requests, one after the other, to each subject in turn. */
const ROUNDS = 1_000;
const WARM_ROUNDS = 100;

/** Least throughput beside Portkey's, least of a cached tool call beside a bare route, most added at the 99th percentile. */
const MIN_OF_PORTKEY = 1;
const MIN_OF_HONO = 0.5;
const MAX_ADDED_P99_MS = 5;

const HONO = `
import { Hono } from "hono";
export default new Hono().post("/v1/runs", async (c) => c.json({ ok: true, got: (await c.req.json()).calls.length }));
`;

interface Subject {
  readonly name: string;
  readonly url: string;
  readonly sent: Sent;
}

function emptyWorker(port: number): string {
  return `export default { fetch(request) {
    return fetch("http://127.0.0.1:${port}" + new URL(request.url).pathname, request);
  } };`;
}

async function honoWorker(): Promise<string> {
  const built = await build({
    stdin: { contents: HONO, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  return built.outputFiles[0]?.text ?? "";
}

/** Requests a second over one turn; throws at the first answer that is not 200. */
async function turn({ name, url, sent }: Subject, agent: Agent, count: number): Promise<number> {
  const startedAt = performance.now();
  await inParallel(count, WIDTH, async () => {
    const answer = await ask(url, sent, agent);
    if (answer.status !== 200)
      throw new Error(`${name}: ${answer.status} ${answer.text.slice(0, 300)}`);
  });
  return (count / (performance.now() - startedAt)) * 1000;
}

/** Median requests a second of each subject; they take turns, and each turn begins with the next of them. */
async function throughputs(
  subjects: readonly Subject[],
  { turns, requests }: { readonly turns: number; readonly requests: number },
): Promise<ReadonlyMap<string, number>> {
  const agent = keepAlive(WIDTH);
  const rates = new Map(subjects.map(({ name }): [string, number[]] => [name, []]));
  for (let at = -WARM_TURNS; at < turns; at += 1) {
    const first = Math.max(at, 0) % subjects.length;
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      const rate = await turn(subject, agent, requests);
      if (at >= 0) rates.get(subject.name)?.push(rate);
    }
  }
  agent.destroy();
  return new Map([...rates].map(([name, all]) => [name, median(all)]));
}

/** What each subject takes, one request at a time, all in one round. */
async function rounds(
  subjects: readonly Subject[],
  count: number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const agent = keepAlive(1);
  const took = new Map(subjects.map(({ name }): [string, number[]] => [name, []]));
  for (let at = -WARM_ROUNDS; at < count; at += 1) {
    for (const { name, url, sent } of subjects) {
      const { tookMs } = await ask(url, sent, agent);
      if (at >= 0) took.get(name)?.push(tookMs);
    }
  }
  agent.destroy();
  return took;
}

const CHAT = { model: "fixed", messages: [{ role: "user", content: "Hello?" }] };
const PATH = "/v1/chat/completions";

function post(headers: Readonly<Record<string, string>>): Sent {
  return { method: "POST", body: CHAT, headers };
}

function chatSubjects(world: World, upstreamPort: number): readonly Subject[] {
  const [empty = 0, portkey = 0] = world.gateway.directPorts.slice(1);
  const toPortkey = {
    authorization: "Bearer key",
    "x-portkey-provider": "openai",
    "x-portkey-custom-host": `http://127.0.0.1:${upstreamPort}/v1`,
  };
  return [
    { name: "empty", url: `http://127.0.0.1:${empty}${PATH}`, sent: post({}) },
    { name: "portkey", url: `http://127.0.0.1:${portkey}${PATH}`, sent: post(toPortkey) },
    // As to the others, nothing is added to the request.
    {
      name: "gateway",
      url: `${world.baseUrl}${PATH}`,
      sent: post({ ...world.headers, "x-gw-tools": "none" }),
    },
  ];
}

function toolSubjects(world: World): readonly Subject[] {
  const hono = world.gateway.directPorts[3] ?? 0;
  const body = { calls: [{ tool: "cached", arguments: { ms: 1, k: "throughput", n: 1 } }] };
  const sent = { method: "POST", body };
  return [
    { name: "hono", url: `http://127.0.0.1:${hono}/v1/runs`, sent },
    {
      name: "cached",
      url: `${world.baseUrl}/v1/runs`,
      sent: { ...sent, headers: world.headers },
    },
  ];
}

function rateOf(values: ReadonlyMap<string, number>, name: string): number {
  return values.get(name) ?? Number.NaN;
}

function latencyRows(took: ReadonlyMap<string, readonly number[]>): readonly BenchRow[] {
  const label = `chat completion, one at a time, ${took.get("empty")?.length ?? 0} rounds`;
  const added = (name: string): readonly number[] =>
    (took.get(name) ?? []).map((ms, index) => ms - (took.get("empty")?.[index] ?? 0));
  const portkey = median(added("portkey"));
  return [
    row(label, "p50 of the empty Worker", median(took.get("empty") ?? []), "ms"),
    row(label, "p50 Portkey adds to the empty Worker", portkey, "ms"),
    row(
      label,
      "p50 the gateway adds to the empty Worker",
      median(added("gateway")),
      "ms",
      `<= ${portkey.toFixed(3)}`,
    ),
    row(label, "p99 Portkey adds to the empty Worker", quantile(added("portkey"), 0.99), "ms"),
    row(
      label,
      "p99 the gateway adds to the empty Worker",
      quantile(added("gateway"), 0.99),
      "ms",
      `<= ${MAX_ADDED_P99_MS}`,
    ),
  ];
}

async function run({ smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  // A first look needs no network: without an installed Portkey an empty Worker takes its place, and says so.
  const isPlayed = !smoke || hasPortkey();
  if (!isPlayed) console.log("throughput: Portkey is not installed; its column is an empty Worker");
  const upstream = await startFastUpstream();
  try {
    const rival = isPlayed ? await portkeyWorker() : emptyWorker(upstream.port);
    const world = await openWorld({
      modelUrl: `http://127.0.0.1:${upstream.port}/v1`,
      extraWorkers: [
        { name: "empty", script: emptyWorker(upstream.port) },
        { name: "portkey", script: rival, compatibilityFlags: ["nodejs_compat"] },
        { name: "hono", script: await honoWorker() },
      ],
    });
    try {
      const size = smoke ? { turns: 1, requests: 20 } : { turns: TURNS, requests: REQUESTS_A_TURN };
      const chats = chatSubjects(world, upstream.port);
      const latency = latencyRows(await rounds(chats, smoke ? 10 : ROUNDS));
      const rates = await throughputs(chats, size);
      const tools = await throughputs(toolSubjects(world), size);
      const steps = await stepRows(world, world.gateway.directPorts[3] ?? 0, smoke);
      const scenes = await sceneRows(world, `http://127.0.0.1:${upstream.port}`, smoke);
      const label = `chat completion, ${WIDTH} at once, ${size.turns} turns of ${size.requests}`;
      const tool = `cached tool call, ${WIDTH} at once, ${size.turns} turns of ${size.requests}`;
      return [
        ...latency,
        row(label, "empty Worker", rateOf(rates, "empty"), "requests/s"),
        row(label, "Portkey", rateOf(rates, "portkey"), "requests/s"),
        row(label, "gateway", rateOf(rates, "gateway"), "requests/s"),
        row(
          label,
          "gateway ÷ Portkey",
          rateOf(rates, "gateway") / rateOf(rates, "portkey"),
          "×",
          `>= ${MIN_OF_PORTKEY}`,
        ),
        row(tool, "bare Hono route", rateOf(tools, "hono"), "requests/s"),
        row(tool, "gateway", rateOf(tools, "cached"), "requests/s"),
        row(
          tool,
          "gateway ÷ bare Hono route",
          rateOf(tools, "cached") / rateOf(tools, "hono"),
          "×",
          `>= ${MIN_OF_HONO}`,
        ),
        ...steps,
        ...scenes,
      ];
    } finally {
      await world.close();
    }
  } finally {
    upstream.stop();
  }
}

/** The comparison of throughput. */
export const throughput: Bench = { name: "throughput", seed: 1, run };
