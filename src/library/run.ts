/**
 * `run`: executes a batch of calls, in parallel and as a dataflow, and says what happens as an async iterable.
 *
 * Nothing starts before the iterable is read, and leaving it (break, return, throw, or the signal) aborts every call; when
 * the loop is left, nothing of the run is open any more but calls that ignore their signal. What is wrong with the calls is
 * thrown at once, before anything is sent; a call that fails is a result like any other.
 */

import type { Violation } from "../contract/error.ts";
import { parse } from "../contract/parse.ts";
import type { RunCaps } from "../contract/policy.ts";
import { type RunEvent, type RunReport, RunRequest } from "../contract/run.ts";
import { planBranches, type BranchPlan } from "../orchestration/branches/plan-branches.ts";
import { createBinder } from "../orchestration/plan/bind-call.ts";
import { planRun } from "../orchestration/plan/plan-run.ts";
import type { PlannedCall } from "../orchestration/ports.ts";
import { runCalls } from "../orchestration/run-calls.ts";
import { createRunControl, type RunControl } from "../orchestration/run-control.ts";
import { Abort } from "../platform/abort.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import { newId } from "../platform/id.ts";
import type { DefinedTool } from "./define-tool.ts";
import { lazyEvents } from "./lazy-events.ts";
import { judgesOf, type JudgeOptions } from "./judges.ts";
import { type CallPorts, ToolSet, wholeWorld } from "./tool-set.ts";

/** One call. Arguments may hold `{"$ref": "id#/pointer"}` and `{"$tmpl": "… ${id#/pointer} …"}` of other calls of the run. */
export interface CallRequest {
  /** Unique in the run; `call_<n>` when absent. */
  readonly id?: string;
  readonly tool: string | DefinedTool;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** The branch it belongs to; `branches` must have it. */
  readonly branch?: string;
}

/** Bounds of one run. A run takes at most 256 calls. */
export interface RunLimits {
  /** Calls in flight at once; 64 when absent, at most 155. A Worker has six connections: take 5 there. */
  readonly maxParallel?: number;
  /** Wall time of the run; 60,000 when absent, at most 300,000. */
  readonly deadlineMs?: number;
  /** Caps on calls in flight at once by tag, host and group of the tool. */
  readonly caps?: Partial<RunCaps>;
}

/** What a run needs. */
export interface RunOptions extends CallPorts, JudgeOptions {
  readonly tools: readonly DefinedTool[];
  /** Aborting it cancels the run. */
  readonly signal?: AbortSignal;
  /** `sequential` makes one call after the other; `parallel` when absent. */
  readonly mode?: "parallel" | "sequential";
  readonly limits?: RunLimits;
}

/** A run: read its events, or ask for its report, once. */
export interface Run extends AsyncIterable<RunEvent> {
  readonly id: string;
  /** Runs it to its end. Rejects only for a bug. */
  report(): Promise<RunReport>;
  /** Cancels a branch or a call while the rest goes on; false when there is no such part, or the run has not begun. */
  cancel(part: { readonly branch: string } | { readonly call: string }): boolean;
}

/** Calls that cannot be run, with every wrong place of them. Nothing was sent. */
export class InvalidCalls extends Error {
  override readonly name = "InvalidCalls";
  readonly violations: readonly Violation[];

  constructor(violations: readonly Violation[]) {
    super(violations.map(({ pointer, message }) => `${pointer || "/"}: ${message}`).join(" "));
    this.violations = violations;
  }
}

/** Default bounds of a run. */
export const RUN_LIMITS = { maxParallel: 64, deadlineMs: 60_000 };

/** Makes a run of `calls`. Throws `InvalidCalls` and `InvalidTool`. */
export function run(calls: readonly CallRequest[], options: RunOptions): Run {
  const names = new Set(options.tools.map(({ name }) => name));
  const judges = judgesOf(options, names);
  const set = new ToolSet([...options.tools, ...judges.tools]);
  const request = readRequest(calls, options, judges);
  const plan = planRequest(request, set);
  const id = newId("run");
  const control = createRunControl();
  const world = wholeWorld(options, options.clock ?? PLATFORM_CLOCK);
  const signal = options.signal ?? new Abort().signal;
  const limits = { ...RUN_LIMITS, ...options.limits };
  const events = lazyEvents<RunEvent>(signal, (emit, runSignal) => {
    const startedAtMs = world.clock.now();
    const { maxParallel, deadlineMs } = limits;
    return runCalls(
      {
        id,
        ...plan,
        mode: request.mode,
        maxParallel,
        deadlineMs,
        startedAtMs,
        caps: capsOf(limits),
      },
      {
        ...set.ports(id, maxParallel, startedAtMs + deadlineMs, world),
        bind: createBinder(set.find),
        find: set.find,
        control,
        emit,
      },
      runSignal,
    );
  });
  return { id, ...events, report: () => reportOf(events), cancel: (part) => cancel(control, part) };
}

function cancel(control: RunControl, part: Parameters<Run["cancel"]>[0]): boolean {
  return control.cancel("branch" in part ? { branch: part.branch, reset: false } : part);
}

async function reportOf(events: AsyncIterable<RunEvent>): Promise<RunReport> {
  let report: RunReport | null = null;
  for await (const event of events) if (event.type === "run.completed") ({ report } = event);
  if (report === null) throw new Error("The run has been read already, or it was left.");
  return report;
}

/** Caps, complete. */
export function capsOf({ caps = {} }: Pick<RunLimits, "caps">): RunCaps {
  return { tags: {}, hosts: {}, groups: {}, ...caps };
}

function readRequest(
  calls: readonly CallRequest[],
  { mode, limits }: RunOptions,
  judges: { readonly branches: unknown; readonly aggregate: unknown },
): RunRequest {
  const { maxParallel: max_parallel = RUN_LIMITS.maxParallel } = limits ?? {};
  const { deadlineMs: deadline_ms = RUN_LIMITS.deadlineMs } = limits ?? {};
  const { branches, aggregate } = judges;
  const written = calls.map(({ tool, ...call }) => ({
    ...call,
    tool: typeof tool === "string" ? tool : tool.name,
  }));
  const body = { calls: written, branches, aggregate, max_parallel, deadline_ms };
  const request = parse(RunRequest, mode === undefined ? body : { ...body, mode });
  if (!request.ok) throw new InvalidCalls(request.error.violations);
  return request.value;
}

function planRequest(
  { calls, branches = {}, aggregate = "all" }: RunRequest,
  { find, tools }: ToolSet,
): { readonly calls: readonly PlannedCall[]; readonly branches: BranchPlan } {
  const planned = planRun(find, calls, "/calls");
  if (!planned.ok) throw new InvalidCalls(planned.error);
  const placed = planned.value.map((call, index): PlannedCall => {
    const branch = calls[index]?.branch;
    return branch === undefined ? call : { ...call, branch };
  });
  const names = new Set(tools.map(({ name }) => name));
  const plan = planBranches({ branches, aggregate }, placed, names);
  if (!plan.ok) throw new InvalidCalls(plan.error);
  return { calls: placed, branches: plan.value };
}
