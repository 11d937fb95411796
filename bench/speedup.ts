/**
 * `npm run bench -- speedup`: what running tool calls at once is worth, over the same servers in the same run.
 *
 * Three modes: the plan one call after another (`mode: "sequential"`), in parallel inside one invocation
 * (`max_parallel: 5`), and fanned out over shards of five; and where a model is part of the work a fourth, the whole as
 * one plan of two model turns (plan-workload.ts). Cache off: the tool has no cache policy. Then the counts that
 * the tool server itself keeps: never more in flight than allowed, and hardly ever fewer while calls are waiting.
 */

import { cases as inFlightCases } from "./in-flight.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { type PlanRun, runAsPlan } from "./plan-workload.ts";
import { row, type BenchRow } from "./report.ts";
import { median, quantile } from "./statistics.ts";
import { SLOTS, WORKLOADS, boundMs, type Stage, type Workload } from "./workloads.ts";
import { openWorld, runAnswerOf, textAt, type World } from "./world.ts";

/** Fixed cost allowed on top of five per cent of the bound, fan-out mode. */
const ALLOWANCE_MS = 45;
/** Runs of the two parallel modes. */
const PARALLEL_RUNS = 20;
/** Runs one call after another; one for a workload that takes this long that way. */
const SEQUENTIAL_RUNS = 3;
const LONG_MS = 20_000;

type Mode = "sequential" | "one invocation" | "fan-out";

async function askModel(world: World, delayMs: number): Promise<void> {
  const script = JSON.stringify({ turns: [{ text: "ok", delay_ms: delayMs }] });
  const body = { model: "scripted", messages: [{ role: "user", content: `#script ${script}` }] };
  const answer = await world.send("POST", "/v1/chat/completions", body, { "x-gw-tools": "none" });
  textAt(answer, "object");
}

/** One run of calls; returns how many shards took part. */
async function runStage(world: World, { calls, ms }: Stage, mode: Mode): Promise<number> {
  const answer = await world.send("POST", "/v1/runs", {
    calls: Array.from({ length: calls }, (_, n) => ({
      tool: "sleep",
      arguments: { ms, k: "work", n },
    })),
    mode: mode === "sequential" ? "sequential" : "parallel",
    ...(mode === "one invocation" ? { max_parallel: SLOTS } : {}),
    deadline_ms: 120_000,
  });
  const done = runAnswerOf(answer);
  if (done.status !== "completed")
    throw new Error(`a run was ${done.status}: ${answer.text.slice(0, 500)}`);
  return done.shards;
}

/** Runs a workload once and returns its wall time. */
async function runWorkload(world: World, workload: Workload, mode: Mode): Promise<number> {
  const startedAt = performance.now();
  if (workload.modelBeforeMs !== null) await askModel(world, workload.modelBeforeMs);
  for (const stage of workload.stages) await runStage(world, stage, mode);
  if (workload.modelAfterMs !== null) await askModel(world, workload.modelAfterMs);
  return performance.now() - startedAt;
}

async function sample(
  world: World,
  workload: Workload,
  mode: Mode,
  runs: number,
): Promise<number[]> {
  const times: number[] = [];
  while (times.length < runs) times.push(await runWorkload(world, workload, mode));
  return times;
}

async function measure(world: World, workload: Workload, smoke: boolean): Promise<BenchRow[]> {
  const sequentialRuns = smoke || boundMs(workload, 1) > LONG_MS ? 1 : SEQUENTIAL_RUNS;
  const runs = smoke ? 1 : PARALLEL_RUNS;
  const sequentialMs = median(await sample(world, workload, "sequential", sequentialRuns));
  const { label } = workload;
  const rows = [
    row(label, `median one after another (${sequentialRuns} runs)`, sequentialMs, "ms"),
  ];
  for (const mode of ["one invocation", "fan-out"] as const) {
    const times = await sample(world, workload, mode, runs);
    const widest = Math.max(...workload.stages.map(({ calls }) => calls));
    const bound = boundMs(workload, mode === "fan-out" ? widest : SLOTS);
    const middle = median(times);
    const isFanOut = mode === "fan-out";
    const limit = 1.05 * bound + ALLOWANCE_MS;
    const minimum =
      isFanOut && workload.minSpeedup !== null ? `>= ${workload.minSpeedup}` : undefined;
    rows.push(
      row(label, `speed-up, ${mode}`, sequentialMs / middle, "×", minimum),
      row(
        label,
        `median, ${mode} (${runs} runs)`,
        middle,
        "ms",
        isFanOut ? `<= ${Number(limit.toFixed(3))}` : undefined,
      ),
      row(
        label,
        `p95, ${mode}`,
        quantile(times, 0.95),
        "ms",
        isFanOut && workload.maxP95Ms !== null ? `<= ${workload.maxP95Ms}` : undefined,
      ),
      row(label, `bound, ${mode}`, bound, "ms"),
      row(label, `median minus bound, ${mode}`, middle - bound, "ms"),
    );
  }
  if (workload.modelBeforeMs !== null)
    rows.push(...(await measurePlan(world, workload, sequentialMs, smoke)));
  return rows;
}

/** The workloads around a model once more, as one plan with references. */
async function measurePlan(
  world: World,
  workload: Workload,
  sequentialMs: number,
  smoke: boolean,
): Promise<BenchRow[]> {
  const { label } = workload;
  const runs: PlanRun[] = [];
  while (runs.length < (smoke ? 1 : PARALLEL_RUNS)) runs.push(await runAsPlan(world, workload));
  const times = runs.map(({ ms }) => ms);
  const middle = median(times);
  const bound = boundMs(workload, Math.max(...workload.stages.map(({ calls }) => calls)));
  const calls = workload.stages.reduce((sum, stage) => sum + stage.calls, 0);
  const minimum = workload.minSpeedup === null ? undefined : `>= ${workload.minSpeedup}`;
  return [
    row(label, "speed-up, one plan with references", sequentialMs / middle, "×", minimum),
    row(label, `median, one plan (${runs.length} runs)`, middle, "ms"),
    row(label, "p95, one plan", quantile(times, 0.95), "ms"),
    row(label, "median minus bound, one plan", middle - bound, "ms"),
    row(
      label,
      "model turns, one plan",
      Math.max(...runs.map(({ turns }) => turns)),
      "turns",
      "== 2",
    ),
    row(
      label,
      "tool calls, one plan",
      Math.min(...runs.map((each) => each.calls)),
      "calls",
      `== ${calls}`,
    ),
  ];
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const world = await openWorld();
  try {
    // The first run pays for opening objects and compiling; users pay it once a deployment, so it is not measured.
    await runStage(world, { calls: 50, ms: 1 }, "fan-out");
    const workloads = smoke ? WORKLOADS.filter(({ id }) => id === "W1" || id === "W5") : WORKLOADS;
    const rows: BenchRow[] = [];
    for (const workload of workloads) rows.push(...(await measure(world, workload, smoke)));
    return [...rows, ...(await inFlightCases(world, smoke, seed))];
  } finally {
    await world.close();
  }
}

/** The speed-up benchmark. */
export const speedup: Bench = { name: "speedup", seed: 20_261_122, run };
