/**
 * `npm run bench -- cost`: what a million tool calls cost on the platform beside their own work, and what the naive design costs for the
 * same calls: the operations of the platform are counted, each at its list price.
 *
 * Ours is counted on the simulated fleet: the real decisions of the isolates and the gate say how many requests wait for the
 * gate, how many exchanges run behind them and how many rows are written. Results of reads are kept in the isolate, then in KV, which is written
 * at the second miss of a key. The naive design asks an object for its rate and another for its breaker in every call, writes a
 * row in each, reads KV in every call and writes it at every miss. CPU time is the tools' own and is left out of both.
 *
 * Prices: Cloudflare's list of 2026-11 (Workers, Durable Objects, KV), beyond what is included.
 */

import { existsSync, readFileSync } from "node:fs";

import {
  liveLeases,
  NO_FAULTS,
  type LeaseWorldTally,
} from "../test/simulation/leases/lease-world.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { seededRandom } from "./statistics.ts";

/** US dollars for a million. */
const PRICE = {
  workerRequest: 0.3,
  objectRequest: 0.15,
  rowWritten: 1,
  kvRead: 0.5,
  kvWrite: 5,
  /** A million GB-seconds of an object that is awake; it has 128 MB. */
  objectGbSecond: 12.5,
};
const OBJECT_GB = 0.128;

const MILLION = 1_000_000;
const MAX_DOLLARS = 1;

/** How long an isolate knows a key and a tenant, seconds. */
const KEY_LIFE_S = 5;
const TENANT_LIFE_S = 30;

/** Keys of the cached calls, drawn by Zipf's law (s = 1), kept five minutes. */
const KEYS = 2000;
const KEPT_MS = 300_000;

/** The Azure trace: requests a second over its hour. */
const AZURE = new URL(
  "../../shared/data/azure-llm-2023/AzureLLMInferenceTrace_code.csv",
  import.meta.url,
);

interface Load {
  readonly name: string;
  readonly perSecond: number;
  readonly isolates: number;
  readonly bar?: string;
}

/** Operations of one call. */
interface Operations {
  readonly objectRequests: number;
  readonly rowsWritten: number;
  readonly kvReads: number;
  readonly kvWrites: number;
  /** Seconds one object is awake. */
  readonly awakeS: number;
}

function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const loads: readonly Load[] = [
    {
      name: "1,000 calls/s over 20 isolates",
      perSecond: 1000,
      isolates: 20,
      bar: `<= ${MAX_DOLLARS}`,
    },
    { name: "1 call/s on one isolate", perSecond: 1, isolates: 1 },
    ...azureLoad(),
  ];
  return Promise.resolve(loads.flatMap((load) => rowsOf(load, seed, smoke)));
}

function azureLoad(): readonly Load[] {
  if (!existsSync(AZURE)) return [];
  const [, ...lines] = readFileSync(AZURE, "utf8").trim().split("\n");
  const perSecond = (lines.length * 1000) / (timeOf(lines.at(-1)) - timeOf(lines[0]));
  return [
    {
      name: `Azure code trace, ${perSecond.toFixed(1)} calls/s on 3 isolates`,
      perSecond,
      isolates: 3,
    },
  ];
}

function timeOf(line = ""): number {
  return Date.parse(`${line.slice(0, 23).replace(" ", "T")}Z`);
}

function rowsOf(load: Load, seed: number, smoke: boolean): readonly BenchRow[] {
  const gate = gateOf(load, seed, smoke);
  const cache = cacheOf(load, seed, smoke);
  const calls = gate.requests;
  const ours: Operations = {
    // A release of a permit is a question of its own where the gate gave the permit.
    objectRequests: (gate.waited * 2 + gate.exchanges) / calls + looksOf(load),
    rowsWritten: gate.writes / calls,
    kvReads: cache.kvReads,
    kvWrites: cache.kvWrites,
    awakeS: Math.min(1 / load.perSecond, 10),
  };
  const naive: Operations = {
    objectRequests: 2,
    rowsWritten: 2,
    kvReads: 1,
    kvWrites: cache.misses,
    awakeS: 2 * Math.min(1 / load.perSecond, 10),
  };
  const dollars = dollarsOf(ours);
  const per = "$ / million calls";
  return [
    row(load.name, "ours", dollars, per, ...(load.bar === undefined ? [] : [load.bar])),
    row(load.name, "naive design", dollarsOf(naive), per),
    row(load.name, "ours ÷ naive", dollars / dollarsOf(naive), "ratio"),
    row(load.name, "Worker requests", PRICE.workerRequest, per),
    row(load.name, "calls of objects", ours.objectRequests * PRICE.objectRequest, per),
    row(load.name, "rows written", ours.rowsWritten * PRICE.rowWritten, per),
    row(load.name, "objects awake", awakeDollars(ours), per),
    row(load.name, "KV read", ours.kvReads * PRICE.kvRead, per),
    row(load.name, "KV written", ours.kvWrites * PRICE.kvWrite, per),
    row(load.name, "calls that wait for the gate", gate.waited / calls, "share"),
    row(load.name, "answered by the isolate's memory", cache.hits * 100, "% of calls"),
    row(load.name, "KV writes", cache.kvWrites, "per call"),
  ];
}

/** Questions a call about its key and its tenant: each isolate asks once in the life of what it knows. */
function looksOf({ isolates, perSecond }: Load): number {
  const each = (lifeS: number) => Math.min(1, isolates / lifeS / perSecond);
  return each(KEY_LIFE_S) + each(TENANT_LIFE_S);
}

function dollarsOf(operations: Operations): number {
  const { objectRequests, rowsWritten, kvReads, kvWrites } = operations;
  return (
    PRICE.workerRequest +
    objectRequests * PRICE.objectRequest +
    rowsWritten * PRICE.rowWritten +
    kvReads * PRICE.kvRead +
    kvWrites * PRICE.kvWrite +
    awakeDollars(operations)
  );
}

/** For a million calls. */
function awakeDollars({ awakeS }: Operations): number {
  return (awakeS * MILLION * OBJECT_GB * PRICE.objectGbSecond) / MILLION;
}

function gateOf({ perSecond, isolates }: Load, seed: number, smoke: boolean): LeaseWorldTally {
  const requests = smoke ? 20_000 : 200_000;
  const rate = Math.ceil(perSecond * 1.25);
  return liveLeases({
    seed,
    limit: { limit: rate * 60, window_s: 60, burst: rate * 10 },
    isolates,
    load: perSecond / rate,
    durationMs: Math.min((requests / perSecond) * 1000, 3_600_000),
    roundTripMs: 10,
    runs: { max: Math.max(40, rate), lastMs: 200 },
    faults: NO_FAULTS,
  });
}

/** What of the calls, as shares of them, the isolates' memories answer, and how often KV is read and written. */
function cacheOf({ perSecond, isolates }: Load, seed: number, smoke: boolean) {
  const random = seededRandom(seed);
  const pick = zipf(random);
  const memories = Array.from({ length: isolates }, () => new Map<number, number>());
  const missedOnce = new Map<number, number>();
  const kv = new Map<number, number>();
  const naiveKv = new Map<number, number>();
  const calls = smoke ? 50_000 : 1_000_000;
  const counted = { hits: 0, kvReads: 0, kvWrites: 0, misses: 0 };
  for (let n = 0; n < calls; n += 1) {
    const nowMs = (n * 1000) / perSecond;
    const key = pick();
    if ((naiveKv.get(key) ?? 0) <= nowMs) {
      counted.misses += 1;
      naiveKv.set(key, nowMs + KEPT_MS);
    }
    const memory = memories[Math.floor(random() * isolates)];
    if ((memory?.get(key) ?? 0) > nowMs) {
      counted.hits += 1;
      continue;
    }
    counted.kvReads += 1;
    const endsMs = kv.get(key) ?? 0;
    if (endsMs > nowMs) {
      memory?.set(key, endsMs);
      continue;
    }
    if ((missedOnce.get(key) ?? 0) > nowMs) {
      counted.kvWrites += 1;
      kv.set(key, nowMs + KEPT_MS);
    }
    missedOnce.set(key, nowMs + KEPT_MS);
    memory?.set(key, nowMs + KEPT_MS);
  }
  return {
    hits: counted.hits / calls,
    kvReads: counted.kvReads / calls,
    kvWrites: counted.kvWrites / calls,
    misses: counted.misses / calls,
  };
}

/** Draws keys with P(k) proportional to 1 / k. */
function zipf(random: () => number): () => number {
  const cumulated: number[] = [];
  let total = 0;
  for (let key = 1; key <= KEYS; key += 1) cumulated.push((total += 1 / key));
  return () => {
    const at = random() * total;
    let low = 0;
    let high = KEYS - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulated[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Cost as a benchmark. */
export const cost: Bench = { name: "cost", seed: 20_261_123, run };
