/**
 * A recorded day of model requests against a limit of half their mean tokens a minute: ours (input and the running p90 of outputs are
 * reserved, then settled), and beside it what many gateways do: admit while the bucket is not empty, charge when the answer is
 * there.
 *
 * Trace: Azure LLM inference 2023, code (Patel et al., "Splitwise", ISCA 2024), read from `../shared/data`. The decisions are the real ones of
 * the gate, over its simulation.
 */

import { existsSync, readFileSync } from "node:fs";

import { QuantileSketch } from "../../src/algorithms/quantile-sketch.ts";
import { fullBucket, refill, take } from "../../src/algorithms/token-bucket.ts";
import { SimGate } from "../../test/simulation/leases/sim-gate.ts";

const FILE = new URL(
  "../../../shared/data/azure-llm-2023/AzureLLMInferenceTrace_code.csv",
  import.meta.url,
);

const MINUTE_MS = 60_000;
/** What may come at once, as a part of a minute's tokens. */
export const BURST_PART = 1 / 6;
/** A provider writes about this many tokens a second, after half a second. */
const FIRST_TOKEN_MS = 500;
const MS_PER_TOKEN = 25;
/** Output of a model nobody has measured yet. */
const UNMEASURED_OUTPUT = 1024;

interface TraceRequest {
  readonly atMs: number;
  readonly input: number;
  readonly output: number;
}

/** How a policy did. */
export interface ReplayTally {
  readonly admitted: number;
  /** Tokens of the worst minute, as a multiple of the limit. */
  readonly worstMinute: number;
}

/** Both policies over the trace; null where the trace is not there. */
export function replayAzure(): { readonly ours: ReplayTally; readonly usual: ReplayTally } | null {
  if (!existsSync(FILE)) return null;
  const trace = readTrace();
  const last = trace.at(-1)?.atMs ?? 0;
  const total = trace.reduce((sum, { input, output }) => sum + input + output, 0);
  const limit = Math.round((total / (last / MINUTE_MS)) * 0.5);
  return { ours: reserveAndSettle(trace, limit), usual: checkThenCharge(trace, limit) };
}

function readTrace(): readonly TraceRequest[] {
  const [, ...lines] = readFileSync(FILE, "utf8").trim().split("\n");
  const rows = lines.map((line) => {
    const [time = "", input = "0", output = "0"] = line.split(",");
    // The file's clock has no zone and seven digits of a second.
    const at = Date.parse(`${time.slice(0, 23).replace(" ", "T")}Z`);
    return { at, input: Number(input), output: Number(output) };
  });
  const first = rows[0]?.at ?? 0;
  return rows.map(({ at, input, output }) => ({ atMs: at - first, input, output }));
}

function reserveAndSettle(trace: readonly TraceRequest[], limit: number): ReplayTally {
  const gate = new SimGate();
  const outputs = new QuantileSketch({
    relativeError: 0.05,
    least: 1,
    most: 1_000_000,
    halfLifeMs: 600_000,
  });
  const terms = { limit, window_s: 60, burst: Math.round(limit * BURST_PART) };
  const open: { readonly endsMs: number; readonly owed: number; readonly output: number }[] = [];
  let serial = 0;
  const settle = (nowMs: number): void => {
    open.sort((a, b) => a.endsMs - b.endsMs);
    for (let next = open[0]; next !== undefined && next.endsMs <= nowMs; next = open[0]) {
      open.shift();
      outputs.add(next.output, next.endsMs);
      serial += 1;
      const rate = { id: "tokens", limit: terms, left: 0, wants: 0, cost: 1, owed: next.owed };
      const leases = { ttlMs: 500, permitTtlMs: 0, rates: [rate], permits: [] };
      gate.exchange({ isolate: "a", serial, leases }, next.endsMs);
    }
  };
  const admitted: TraceRequest[] = [];
  for (const request of trace) {
    settle(request.atMs);
    const cost = request.input + Math.ceil(outputs.quantile(0.9) ?? UNMEASURED_OUTPUT);
    const rates = [{ id: "tokens", limit: terms, cost }];
    if (!gate.admit({ rates, concurrency: [], permitTtlMs: 0 }, request.atMs).ok) continue;
    admitted.push(request);
    const owed = request.input + request.output - cost;
    open.push({ endsMs: endOf(request), owed, output: request.output });
  }
  return tallyOf(admitted, limit);
}

function checkThenCharge(trace: readonly TraceRequest[], limit: number): ReplayTally {
  const terms = { limit, windowMs: MINUTE_MS, burst: Math.round(limit * BURST_PART) };
  let bucket = fullBucket(terms, 0);
  const open: { readonly endsMs: number; readonly tokens: number }[] = [];
  const admitted: TraceRequest[] = [];
  for (const request of trace) {
    open.sort((a, b) => a.endsMs - b.endsMs);
    for (let next = open[0]; next !== undefined && next.endsMs <= request.atMs; next = open[0]) {
      open.shift();
      bucket = take(refill(bucket, terms, next.endsMs), next.tokens);
    }
    bucket = refill(bucket, terms, request.atMs);
    if (bucket.tokens <= 0) continue;
    admitted.push(request);
    open.push({ endsMs: endOf(request), tokens: request.input + request.output });
  }
  return tallyOf(admitted, limit);
}

function endOf({ atMs, output }: TraceRequest): number {
  return atMs + FIRST_TOKEN_MS + output * MS_PER_TOKEN;
}

function tallyOf(admitted: readonly TraceRequest[], limit: number): ReplayTally {
  let worst = 0;
  let sum = 0;
  let first = 0;
  for (const { atMs, input, output } of admitted) {
    sum += input + output;
    for (let old = admitted[first]; old !== undefined && old.atMs <= atMs - MINUTE_MS;) {
      sum -= old.input + old.output;
      first += 1;
      old = admitted[first];
    }
    worst = Math.max(worst, sum);
  }
  return { admitted: admitted.length, worstMinute: worst / limit };
}
