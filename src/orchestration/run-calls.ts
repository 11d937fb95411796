/**
 * A run without a model: executes a batch of calls and says how it went.
 *
 * A failing call never fails the others, and the deadline or a cancel ends the run with what is finished: the report
 * always holds one result for each call. The run owns its lanes and closes them whatever happens.
 */

import { upwardRanks } from "../algorithms/upward-rank.ts";
import type { RunCaps } from "../contract/policy.ts";
import {
  hasResult,
  type CallOutcome,
  type CallResult,
  type RunPart,
  type RunReport,
  type RunStatus,
} from "../contract/run.ts";
import type { BranchPlan } from "./branches/plan-branches.ts";
import { BranchRun, type ExecutedBranches } from "./branches/run-branches.ts";
import type { PlannedCall, RunPorts } from "./ports.ts";
import { createScheduler, type Scheduler } from "./schedule/scheduler.ts";

/** A run of calls, checked and bounded. */
export interface CallRun {
  readonly id: string;
  readonly calls: readonly PlannedCall[];
  readonly mode: "parallel" | "sequential";
  readonly maxParallel: number;
  readonly deadlineMs: number;
  readonly caps?: RunCaps;
  /** Its branches and what is to be made of its results. Absent: neither. */
  readonly branches?: BranchPlan;
  /** When the run began, if that was in an earlier life of it; now when absent. */
  readonly startedAtMs?: number;
  /** Calls that have ended in an earlier life, by id: they end so at once. Absent: none. */
  readonly known?: ReadonlyMap<string, CallOutcome>;
  /** It was cancelled in an earlier life; its lanes send nothing more. */
  readonly isCancelled?: boolean;
}

/** Executes `run`, emitting `run.created` first and `run.completed` last, and returns its report. */
export async function runCalls(
  run: CallRun,
  ports: RunPorts,
  signal: AbortSignal,
): Promise<RunReport> {
  try {
    const startedAtMs = run.startedAtMs ?? ports.clock.now();
    await ports.emit({ type: "run.created", run: run.id, calls: run.calls.length });
    const { mode, maxParallel, caps, known } = run;
    const deadlineAtMs = startedAtMs + run.deadlineMs;
    const scheduler = createScheduler(
      {
        mode,
        maxParallel,
        ...(caps !== undefined && { caps }),
        ...(known !== undefined && { known }),
        startedAtMs,
        deadlineAtMs,
      },
      { ...ports, onEvent: (event) => ports.emit(event) },
      signal,
    );
    const { results, lanesUsed, branches, aggregate, excused } = await execute(
      run,
      ports,
      scheduler,
    );
    const durations = results.map((result) => result.durationMs);
    const report: RunReport = {
      id: run.id,
      status: statusOf(results, excused, signal.aborted || run.isCancelled === true),
      results,
      criticalPathMs: criticalPathMs(run.calls, results),
      durationMs: ports.clock.now() - startedAtMs,
      sequentialMs: durations.reduce((sum, each) => sum + each, 0),
      shards: lanesUsed,
      ...(Object.keys(branches).length > 0 && { branches }),
      ...(aggregate !== null && { aggregate }),
    };
    await ports.emit({ type: "run.completed", report });
    return report;
  } finally {
    ports.lanes.close();
  }
}

const NO_BRANCHES: BranchPlan = { branches: [], groups: [], aggregate: "all" };

function execute(
  { calls, branches }: CallRun,
  ports: RunPorts,
  scheduler: Scheduler,
): Promise<ExecutedBranches> {
  const { clock, control } = ports;
  const find = ports.find ?? (() => null);
  const branchRun = new BranchRun(branches ?? NO_BRANCHES, calls, { clock, scheduler, find });
  const ids = new Set(calls.map(({ id }) => id));
  control?.answer((part: RunPart) => {
    if ("branch" in part) return branchRun.cancel(part);
    return scheduler.cancel(part) > 0 || ids.has(part.call);
  });
  return branchRun.toTheEnd();
}

/** The longest chain of calls that needed each other, by the time each took. */
function criticalPathMs(calls: readonly PlannedCall[], results: readonly CallResult[]): number {
  const durations = new Map(results.map(({ id, durationMs }) => [id, durationMs]));
  const ranks = upwardRanks(
    calls.map(({ id, needs }) => ({ id, weight: durations.get(id) ?? 0, needs: needs ?? [] })),
  );
  return [...ranks.values()].reduce((longest, each) => Math.max(longest, each), 0);
}

/** What belongs to a branch that lost to others says nothing about the run. */
function statusOf(
  results: readonly CallResult[],
  excused: ReadonlySet<string>,
  wasCancelled: boolean,
): RunStatus {
  const counted = results.filter(({ id }) => !excused.has(id));
  const succeeded = counted.filter(hasResult).length;
  if (succeeded === counted.length) return "completed";
  if (wasCancelled) return "cancelled";
  return succeeded > 0 ? "partial" : "failed";
}
