/** Runs chains over fake lanes and a fake clock; tools are functions of their arguments. */

import type { CallResult, RunEvent, RunReport } from "../../src/contract/run.ts";
import type { Effect } from "../../src/contract/tool.ts";
import { Chain } from "../../src/contract/chain.ts";
import { chainCalls } from "../../src/orchestration/chains/chain-calls.ts";
import type { CallableTool } from "../../src/contract/planned-call.ts";
import type { PlannedCall } from "../../src/orchestration/ports.ts";
import { createRunControl, type RunControl } from "../../src/orchestration/run-control.ts";
import { runCalls, type CallRun } from "../../src/orchestration/run-calls.ts";
import { isJsonObject, type Json, type JsonObject } from "../../src/platform/canonical-json.ts";
import { ok } from "../../src/platform/result.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { type CallScript, FAILED, FakeLanes, plannedCall, succeeded } from "./fake-lanes.ts";

/** A tool of the scene: what it answers; a script when it does not simply succeed after 10 ms. */
export type ChainTool = (values: JsonObject, call: PlannedCall) => Json | CallScript;

/** How a scene is set up. */
export interface ChainSceneOptions {
  readonly chains: Readonly<Record<string, unknown>>;
  readonly tools?: Readonly<Record<string, ChainTool>>;
  readonly effects?: Readonly<Record<string, Effect>>;
}

/** A run of chains. */
export interface ChainScene {
  readonly clock: FakeClock;
  readonly lanes: FakeLanes;
  readonly events: RunEvent[];
  readonly control: RunControl;
  readonly start: (calls: readonly PlannedCall[], changes?: Partial<CallRun>) => Promise<RunReport>;
  /** Runs one call of the chain `main` and resolves with its result. */
  readonly run: (input?: JsonObject, changes?: Partial<CallRun>) => Promise<CallResult>;
}

/** Arithmetic that every scene has: `add` of a and b, `double` of x, `fail`, and `say`, which answers its arguments. */
const TOOLS: Readonly<Record<string, ChainTool>> = {
  add: ({ a, b }) => Number(a) + Number(b),
  double: ({ x }) => Number(x) * 2,
  say: (values) => values,
  fail: () => ({ durationMs: 10, outcome: FAILED }),
};

/** A call of a tool or chain. */
export function toolCall(
  id: string,
  tool: string,
  values: JsonObject = {},
  effect: Effect = "read",
) {
  return plannedCall(id, { tool, arguments: values, effect });
}

/** A scene; every chain's effect is `write` unless `effects` says otherwise, every tool's `read`. */
export function chainScene({ chains, tools = {}, effects = {} }: ChainSceneOptions): ChainScene {
  const clock = new FakeClock();
  const known: Readonly<Record<string, ChainTool>> = { ...TOOLS, ...tools };
  const lanes = new FakeLanes(clock, (call) => scriptOf(known, call));
  const events: RunEvent[] = [];
  const control = createRunControl();
  const parsed = new Map(Object.entries(chains).map(([name, plan]) => [name, Chain.parse(plan)]));
  const effectOf = (name: string): Effect => effects[name] ?? (parsed.has(name) ? "write" : "read");
  const find = (name: string): CallableTool | null =>
    parsed.has(name) || Object.hasOwn(known, name)
      ? {
          name,
          input: {},
          output: null,
          check: () => [],
          call: (id, values) => toolCall(id, name, values, effectOf(name)),
        }
      : null;
  const chainTools = {
    find,
    chainOf: (name: string) => parsed.get(name) ?? null,
    writeOutput: (_name: string, value: Json) => ok(JSON.stringify(value)),
  };
  const start: ChainScene["start"] = (calls, changes = {}) =>
    runCalls(
      { id: "run_1", calls, mode: "parallel", maxParallel: 64, deadlineMs: 60_000, ...changes },
      {
        clock,
        lanes,
        find,
        control,
        inside: chainCalls(chainTools, clock),
        emit: async (event) => {
          events.push(event);
        },
      },
      new AbortController().signal,
    );
  return {
    clock,
    lanes,
    events,
    control,
    start,
    run: async (input = {}, changes = {}) => {
      const call = toolCall("main", "main", input, effectOf("main"));
      const report = await clock.runUntil(start([call], changes));
      const [result] = report.results;
      if (result === undefined || report.results.length > 1)
        throw new Error("A run of one chain has one result.");
      return result;
    },
  };
}

function scriptOf(tools: Readonly<Record<string, ChainTool>>, call: PlannedCall): CallScript {
  const answer = tools[call.tool]?.(call.arguments, call) ?? null;
  return isScript(answer) ? answer : { durationMs: 10, outcome: succeeded(answer) };
}

function isScript(answer: Json | CallScript): answer is CallScript {
  return isJsonObject(answer) && "durationMs" in answer && "outcome" in answer;
}

/** What one chain gave: its output, or how and why it failed. */
export function outputOf({ status, outputJson, error }: CallResult): unknown {
  if (status !== "succeeded") return { status, code: error?.code, message: error?.message };
  return JSON.parse(outputJson ?? "null");
}

/** A reference as it is written. */
export function ref($ref: string): { readonly $ref: string } {
  return { $ref };
}

/** A chain of these steps whose output is the step `out`. */
export function chain(...calls: readonly object[]): object {
  return { calls, output: ref("out#") };
}
