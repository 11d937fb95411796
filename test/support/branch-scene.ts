/** One run with branches over fake lanes and a fake clock. */

import type { Aggregate, Branches } from "../../src/contract/branch.ts";
import type { CallableTool } from "../../src/contract/planned-call.ts";
import type { RunEvent, RunReport } from "../../src/contract/run.ts";
import { planBranches } from "../../src/orchestration/branches/plan-branches.ts";
import type { PlannedCall } from "../../src/orchestration/ports.ts";
import { createRunControl, type RunControl } from "../../src/orchestration/run-control.ts";
import { type CallRun, runCalls } from "../../src/orchestration/run-calls.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { type CallScript, FakeLanes, plannedCall } from "./fake-lanes.ts";

/** A run about to be executed. */
export interface BranchScene {
  readonly clock: FakeClock;
  readonly lanes: FakeLanes;
  readonly events: RunEvent[];
  readonly control: RunControl;
  readonly start: (
    calls: readonly PlannedCall[],
    branches: Branches,
    aggregate?: Aggregate,
    changes?: Partial<CallRun>,
  ) => Promise<RunReport>;
}

/** Finds every tool; its calls take any arguments. */
export function anyTool(name: string): CallableTool {
  return {
    name,
    input: {},
    output: null,
    check: () => [],
    call: (id, values) => plannedCall(id, { tool: name, arguments: values }),
  };
}

/** A run whose calls do what `script` says. */
export function branchScene(script: (call: PlannedCall) => CallScript, slots = 5): BranchScene {
  const clock = new FakeClock();
  const lanes = new FakeLanes(clock, script, slots);
  const events: RunEvent[] = [];
  const control = createRunControl();
  return {
    clock,
    lanes,
    events,
    control,
    start: (calls, branches, aggregate = "all", changes = {}) => {
      const tools = new Set(["tool", "judge", "collect"]);
      const plan = planBranches({ branches, aggregate }, calls, tools);
      if (!plan.ok) throw new Error(JSON.stringify(plan.error));
      const run = { id: "run_1", mode: "parallel", maxParallel: 64, deadlineMs: 10_000 } as const;
      return runCalls(
        { ...run, calls, branches: plan.value, ...changes },
        {
          clock,
          lanes,
          find: anyTool,
          control,
          emit: async (event) => {
            events.push(event);
          },
        },
        new AbortController().signal,
      );
    },
  };
}

/** A call of a branch. */
export function branchCall(id: string, branch: string, changes: Partial<PlannedCall> = {}) {
  return plannedCall(id, { branch, ...changes });
}

/** Status by call id. */
export function statuses(report: RunReport): Readonly<Record<string, string>> {
  return Object.fromEntries(report.results.map(({ id, status }) => [id, status]));
}
