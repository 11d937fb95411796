/**
 * `npm run bench -- overhead`: what the gateway adds to a chat completion that needs no tool.
 *
 * Three ways to the same upstream, taken in turn so that the machine's mood hits all alike: directly, through an empty
 * Worker that only forwards (in the same runtime), and through the gateway, which hands the request on as it is or offers
 * the model three tools on the way. Added latency is the difference of a round.
 * Also: the weight of the bundle and how soon a fresh runtime answers.
 */

import { globSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { startGateway } from "../dev/gateway.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { startFastUpstream } from "./fast-upstream-process.ts";
import { ask, keepAlive } from "./http.ts";
import { row, type BenchRow } from "./report.ts";
import { median, quantile } from "./statistics.ts";
import { openWorld, type World } from "./world.ts";

const ROUNDS = 1000;
const WARM_UP = 100;
const FRESH_STARTS = 5;
/** Added latency allowed at the median. */
const MAX_ADDED_MS = 2;
const MAX_BUNDLE_KIB = 400;

const BODY = { model: "fixed", messages: [{ role: "user", content: "Hello?" }] };

function passThrough(port: number): string {
  return `export default { fetch(request) {
    const url = new URL(request.url);
    return fetch("http://127.0.0.1:${port}" + url.pathname, request);
  } };`;
}

interface Round {
  readonly direct: number;
  readonly empty: number;
  readonly gateway: number;
  /** The same with the tenant's three tools offered to the model, which calls none. */
  readonly offering: number;
}

async function measureRounds(world: World, upstreamPort: number, rounds: number): Promise<Round[]> {
  const agent = keepAlive(1);
  const path = "/v1/chat/completions";
  const emptyPort = world.gateway.directPorts.at(-1) ?? 0;
  const post = async (
    base: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<number> => {
    const answer = await ask(`${base}${path}`, { method: "POST", body: BODY, headers }, agent);
    if (answer.status !== 200)
      throw new Error(`${base}: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.tookMs;
  };
  const measured: Round[] = [];
  for (let index = -WARM_UP; index < rounds; index += 1) {
    const direct = await post(`http://127.0.0.1:${upstreamPort}`);
    const empty = await post(`http://127.0.0.1:${emptyPort}`);
    const gateway = await post(world.baseUrl, { ...world.headers, "x-gw-tools": "none" });
    const offering = await post(world.baseUrl, world.headers);
    if (index >= 0) measured.push({ direct, empty, gateway, offering });
  }
  agent.destroy();
  return measured;
}

/** Time from starting a fresh runtime with the built bundle to the end of its first response. */
async function freshStart(): Promise<number> {
  const startedAt = performance.now();
  const gateway = await startGateway();
  const agent = keepAlive(1);
  try {
    await ask(`${gateway.baseUrl}/healthz`, {}, agent);
    return performance.now() - startedAt;
  } finally {
    agent.destroy();
    await gateway.dispose();
  }
}

function bundleKib(): number {
  const bytes = globSync("dist/*.{js,wasm}").map((file) => gzipSync(readFileSync(file)).byteLength);
  return bytes.reduce((sum, size) => sum + size, 0) / 1024;
}

async function run({ smoke }: BenchOptions): Promise<readonly BenchRow[]> {
  const upstream = await startFastUpstream();
  const rows: BenchRow[] = [];
  const rounds = smoke ? 10 : ROUNDS;
  const label = `chat completion, no tools, one at a time, ${rounds} rounds`;
  try {
    const world = await openWorld({
      modelUrl: `http://127.0.0.1:${upstream.port}/v1`,
      extraWorkers: [{ name: "pass-through", script: passThrough(upstream.port) }],
    });
    try {
      const measured = await measureRounds(world, upstream.port, rounds);
      const added = measured.map(({ direct, gateway }) => gateway - direct);
      const addedEmpty = measured.map(({ direct, empty }) => empty - direct);
      rows.push(
        row(label, "p50 added by the gateway", median(added), "ms", `<= ${MAX_ADDED_MS}`),
        row(label, "p95 added by the gateway", quantile(added, 0.95), "ms"),
        row(
          label,
          "p50 added by the gateway, three tools offered",
          median(measured.map(({ direct, offering }) => offering - direct)),
          "ms",
        ),
        row(label, "p50 added by an empty Worker that forwards", median(addedEmpty), "ms"),
        row(label, "p95 added by an empty Worker that forwards", quantile(addedEmpty, 0.95), "ms"),
        row(
          label,
          "p50 of the gateway over the empty Worker",
          median(measured.map(({ empty, gateway }) => gateway - empty)),
          "ms",
        ),
        row(
          label,
          "p50 of the upstream called directly",
          median(measured.map(({ direct }) => direct)),
          "ms",
        ),
      );
    } finally {
      await world.close();
    }
  } finally {
    upstream.stop();
  }
  const starts: number[] = [];
  for (let index = 0; index < (smoke ? 1 : FRESH_STARTS); index += 1)
    starts.push(await freshStart());
  rows.push(
    row(
      "fresh runtime",
      `median until the first response (${starts.length} starts)`,
      median(starts),
      "ms",
    ),
    row("bundle", "size, gzip", bundleKib(), "KiB", `<= ${MAX_BUNDLE_KIB}`),
  );
  return rows;
}

/** The benchmark of added latency. */
export const overhead: Bench = { name: "overhead", seed: 1, run };
