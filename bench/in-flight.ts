/**
 * What the tool server counts while runs go on: requests in flight never exceed what was asked for, and while calls are
 * waiting hardly a slot is idle. The counts are the server's own, not the gateway's.
 */

import { pause, until } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";
import { seededRandom } from "./statistics.ts";
import { SLOTS } from "./workloads.ts";
import { runAnswerOf, type RunAnswer, type SleepCall, type World } from "./world.ts";

/** Share of the allowed slots that must be busy while a backlog exists. */
const MIN_BUSY = 85;

interface Watched {
  readonly answer: RunAnswer;
  readonly peak: number;
  readonly peaks: Readonly<Record<string, number>>;
  /** Share of `slots` that was busy from the first request until the last one began, per cent. */
  readonly busyPercent: number;
}

function sleeps(count: number, tool: string, msOf: () => number): SleepCall[] {
  return Array.from({ length: count }, (_, n) => ({ tool, arguments: { ms: msOf(), k: tool, n } }));
}

/** Runs a batch and watches the tool server meanwhile. */
async function watch(
  world: World,
  calls: readonly SleepCall[],
  maxParallel: number | null,
  slots: number,
): Promise<Watched> {
  await world.resetTraffic();
  const running = world.send("POST", "/v1/runs", {
    calls,
    ...(maxParallel === null ? {} : { max_parallel: maxParallel }),
    deadline_ms: 120_000,
  });
  // When the last call begins nothing waits any more: up to here every free slot is waste.
  await until(() => world.traffic().started >= calls.length, 120_000);
  const backlog = world.traffic();
  const lastedMs = (backlog.last_at ?? 0) - (backlog.first_at ?? 0);
  const answer = runAnswerOf(await running);
  await pause(5);
  const after = world.traffic();
  const peaks = Object.fromEntries(
    Object.entries(after.keys).map(([name, count]) => [name, count.peak]),
  );
  return {
    answer,
    peak: after.peak,
    peaks,
    busyPercent: (100 * backlog.busy_ms) / (slots * lastedMs),
  };
}

async function widths(world: World, smoke: boolean, random: () => number): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const msOf = (): number => Math.round(200 + 200 * random());
  const plans = smoke
    ? [{ width: 30, calls: 60 }]
    : [
        { width: 1, calls: 15 },
        { width: SLOTS, calls: 60 },
        { width: 30, calls: 240 },
        { width: 100, calls: 250 },
      ];
  for (const { width, calls } of plans) {
    const label = `${calls} calls of 200 to 400 ms, max_parallel ${width}`;
    const seen = await watch(world, sleeps(calls, "sleep", msOf), width, width);
    rows.push(
      row(label, "most in flight", seen.peak, "calls", `<= ${width}`),
      row(label, "slots busy while calls wait", seen.busyPercent, "%", `>= ${MIN_BUSY}`),
    );
    const allowed = Math.max(1, seen.answer.shards) * SLOTS;
    rows.push(
      row(
        label,
        `in flight beyond ${SLOTS} a shard named in the answer`,
        Math.max(0, seen.peak - allowed),
        "calls",
        "== 0",
      ),
    );
  }
  return rows;
}

async function caps(world: World): Promise<BenchRow[]> {
  const others = 40;
  const label = `12 calls of a tool capped at 3 beside ${others} others`;
  // The capped calls come first, so that they would block the others if anything waited in line behind them.
  const calls = [...sleeps(12, "capped", () => 200), ...sleeps(others, "sleep", () => 200)];
  const seen = await watch(world, calls, 60, 60);
  return [
    row(label, "most of the capped tool in flight", seen.peaks["capped"] ?? 0, "calls", "<= 3"),
    row(label, "most of the others in flight", seen.peaks["sleep"] ?? 0, "calls", `>= ${others}`),
  ];
}

/** Every case, judged. */
export async function cases(world: World, smoke: boolean, seed: number): Promise<BenchRow[]> {
  return [...(await widths(world, smoke, seededRandom(seed))), ...(await caps(world))];
}
