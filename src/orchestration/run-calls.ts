/**
 * A run without a model: executes a batch of calls and says how it went.
 *
 * A failing call never fails the others, and the deadline or a cancel ends the run with what is finished: the report
 * always holds one result for each call. The run owns its lanes and closes them whatever happens.
 */

import { upwardRanks } from "../algorithms/upward-rank.ts";
import type { RunCaps } from "../contract/policy.ts";
import type { CallResult, RunReport, RunStatus } from "../contract/run.ts";
import type { PlannedCall, RunPorts } from "./ports.ts";
import { executeCalls } from "./schedule/execute-calls.ts";

/** A run of calls, checked and bounded. */
export interface CallRun {
  readonly id: string;
  readonly calls: readonly PlannedCall[];
  readonly mode: "parallel" | "sequential";
  readonly maxParallel: number;
  readonly deadlineMs: number;
  readonly caps?: RunCaps;
}

/** Executes `run`, emitting `run.created` first and `run.completed` last, and returns its report. */
export async function runCalls(
  run: CallRun,
  ports: RunPorts,
  signal: AbortSignal,
): Promise<RunReport> {
  try {
    const startedAtMs = ports.clock.now();
    await ports.emit({ type: "run.created", run: run.id, calls: run.calls.length });
    const { results, lanesUsed } = await executeCalls(
      run.calls,
      {
        mode: run.mode,
        maxParallel: run.maxParallel,
        ...(run.caps !== undefined && { caps: run.caps }),
        startedAtMs,
        deadlineAtMs: startedAtMs + run.deadlineMs,
      },
      { ...ports, onEvent: (event) => ports.emit(event) },
      signal,
    );
    const durations = results.map((result) => result.durationMs);
    const report: RunReport = {
      id: run.id,
      status: statusOf(results, signal.aborted),
      results,
      criticalPathMs: criticalPathMs(run.calls, results),
      durationMs: ports.clock.now() - startedAtMs,
      sequentialMs: durations.reduce((sum, each) => sum + each, 0),
      shards: lanesUsed,
    };
    await ports.emit({ type: "run.completed", report });
    return report;
  } finally {
    ports.lanes.close();
  }
}

/** The longest chain of calls that needed each other, by the time each took. */
function criticalPathMs(calls: readonly PlannedCall[], results: readonly CallResult[]): number {
  const durations = new Map(results.map(({ id, durationMs }) => [id, durationMs]));
  const ranks = upwardRanks(
    calls.map(({ id, needs }) => ({ id, weight: durations.get(id) ?? 0, needs: needs ?? [] })),
  );
  return [...ranks.values()].reduce((longest, each) => Math.max(longest, each), 0);
}

function statusOf(results: readonly CallResult[], wasCancelled: boolean): RunStatus {
  const succeeded = results.filter((result) => result.status === "succeeded").length;
  if (succeeded === results.length) return "completed";
  if (wasCancelled) return "cancelled";
  return succeeded > 0 ? "partial" : "failed";
}
