/**
 * Executes the calls of a run that has branches, an aggregate, or both: submits them, lets the director decide, and makes
 * the one value that was asked for. A tool that aggregates is one more call of the run, the last of its results; it is
 * given `{"results": [{id, tool, status, branch?, output | error}]}` with all results in call order.
 *
 * The scheduler is sealed only when the last such call is known, so scorers and aggregators run under the same caps and
 * the same deadline as everything else.
 */

import type { AggregateReport, BranchReport } from "../../contract/branch.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import { hasResult, type CallResult, type RunPart } from "../../contract/run.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import type { Clock } from "../ports.ts";
import { planCall, type FindTool } from "../plan/plan-call.ts";
import type { ExecutedCalls, Scheduler } from "../schedule/scheduler.ts";
import { aggregateResults, aggregateTool, type Candidate } from "./aggregate.ts";
import { BranchDirector } from "./branch-director.ts";
import type { BranchPlan } from "./plan-branches.ts";
import { resultAsJson } from "./score.ts";
import { outputText } from "../results/output-text.ts";

/** What executing branches needs. */
export interface BranchPorts {
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly find: FindTool;
}

/** A run with branches that has ended. */
export interface ExecutedBranches extends ExecutedCalls {
  readonly branches: Readonly<Record<string, BranchReport>>;
  readonly aggregate: AggregateReport | null;
  /** Calls that do not speak against the run: their branch lost, and its group has won. */
  readonly excused: ReadonlySet<string>;
}

/** The branches of one run while it goes on. */
export class BranchRun {
  readonly #plan: BranchPlan;
  readonly #calls: readonly PlannedCall[];
  readonly #ports: BranchPorts;
  readonly #director: BranchDirector;
  #resets = 0;

  constructor(plan: BranchPlan, calls: readonly PlannedCall[], ports: BranchPorts) {
    this.#plan = plan;
    this.#calls = calls;
    this.#ports = ports;
    this.#director = new BranchDirector(plan, ports);
  }

  /** Cancels a branch or takes that back. False when there is no such branch, or nothing to take back. */
  cancel({ branch, reset }: Extract<RunPart, { branch: string }>): boolean {
    const { scheduler } = this.#ports;
    if (!this.#director.has(branch) || (reset && !this.#director.canReset(branch))) return false;
    if (reset) {
      this.#resets += 1;
      this.#director.noteReset(branch, scheduler.repeat(branch));
      return true;
    }
    this.#director.noteCancelled(branch);
    scheduler.cancel({ branch });
    return true;
  }

  /** Runs everything to its end. Never rejects for a call. */
  async toTheEnd(): Promise<ExecutedBranches> {
    const { scheduler } = this.#ports;
    const director = this.#director;
    scheduler.onSettled((result) => director.onSettled(result));
    scheduler.submit(this.#calls);
    director.start();
    const results = await this.#allEnded();
    director.close();
    const aggregate = await this.#aggregate(results);
    scheduler.seal();
    const executed = await scheduler.finish();
    return {
      ...executed,
      branches: director.reports(),
      aggregate,
      excused: director.excused(),
    };
  }

  /** The results of all calls; a branch that was reset meanwhile is waited for again. */
  async #allEnded(): Promise<readonly CallResult[]> {
    for (;;) {
      const resets = this.#resets;
      const results = await Promise.all(
        this.#calls.map(({ id }) => this.#ports.scheduler.result(id)),
      );
      await this.#director.done;
      if (this.#director.isDone && resets === this.#resets) return results;
    }
  }

  async #aggregate(results: readonly CallResult[]): Promise<AggregateReport | null> {
    const tool = aggregateTool(this.#plan.aggregate);
    if (tool !== null) return this.#askTool(tool, results);
    return aggregateResults(this.#plan.aggregate, this.#candidates(results));
  }

  #candidates(results: readonly CallResult[]): readonly Candidate[] {
    const counted = this.#director.counted();
    const inBranch = new Set(this.#plan.branches.flatMap(({ calls }) => calls));
    return results.flatMap(({ id, status, startedMs, durationMs, ...output }) =>
      hasResult({ status }) && (counted.has(id) || !inBranch.has(id))
        ? [
            {
              call: id,
              outputJson: outputText(output),
              endedMs: startedMs + durationMs,
              score: counted.get(id) ?? null,
            },
          ]
        : [],
    );
  }

  async #askTool(tool: string, results: readonly CallResult[]): Promise<AggregateReport> {
    const { find, scheduler } = this.#ports;
    const branchOf = new Map(this.#calls.map(({ id, branch }) => [id, branch]));
    const values = results.map((result): JsonObject => {
      const branch = branchOf.get(result.id);
      return branch === undefined ? resultAsJson(result) : { ...resultAsJson(result), branch };
    });
    const call = freeId(new Set(this.#calls.map(({ id }) => id)));
    const planned = planCall(find, call, tool, { results: values });
    if (!planned.ok) return { policy: "tool", error: planned.error };
    scheduler.submit([planned.value]);
    const { outputJson, error } = await scheduler.result(call);
    return {
      policy: "tool",
      call,
      ...(outputJson !== undefined && { outputJson }),
      ...(error !== undefined && { error }),
    };
  }
}

/** `aggregate`, or with a number when a call of the run has that id. */
function freeId(taken: ReadonlySet<string>): string {
  let id = "aggregate";
  for (let suffix = 2; taken.has(id); suffix += 1) id = `aggregate_${suffix}`;
  return id;
}
