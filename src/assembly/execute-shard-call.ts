/**
 * What a `ToolShard` runs: calls of one run, built from plain data that crossed RPC. A tool's definition travels with the
 * first of its calls and is kept for the session, so a shard opened early can run tools of any later turn, and what is
 * compiled from a definition is compiled once.
 */

import type { CallOutcome, CallProgress } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import type { PlannedCall } from "../orchestration/ports.ts";
import { callExecutor } from "./place-result.ts";
import { lookAgain } from "./result-layers.ts";
import type { ToolContext } from "./tool-ports.ts";

export type { ToolContext };

/** One call as it travels to a shard. */
export interface ShardCall {
  readonly call: PlannedCall;
  /** Null when this session has had the tool before. */
  readonly tool: Tool | null;
  /** What is left of the call's timeout and the run's deadline, whichever is less. */
  readonly timeoutMs: number;
  /** A call of this run has written: what is kept under its tags is to be seen by this isolate too. */
  readonly isAfterWrite?: true;
}

/** Runs calls of one session. Never rejects. */
export type ShardRunner = (
  task: ShardCall,
  signal: AbortSignal,
  onProgress?: (progress: CallProgress) => void,
) => Promise<CallOutcome>;

/** The runner of one session; `defer` takes work that may outlive an answer, such as filling the cache. */
export function shardRunner(
  env: Env,
  context: ToolContext,
  defer: (work: Promise<unknown>) => void,
): ShardRunner {
  const tools = new Map<string, Tool>();
  const execute = callExecutor(env, context, tools, defer);
  return ({ call, tool, timeoutMs, isAfterWrite }, signal, onProgress) => {
    if (isAfterWrite === true) lookAgain(context.tenantId);
    if (tool !== null) tools.set(tool.name, tool);
    return execute(call, timeoutMs, signal, onProgress);
  };
}
