/**
 * What a `ToolShard` runs: one call, built from plain data that crossed RPC. The tool's definition travels with its
 * call, so a shard opened early can run tools of any later turn.
 */

import type { CallOutcome } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import type { PlannedCall } from "../orchestration/ports.ts";
import { executeCall } from "../tools/execute-call.ts";
import { toolPorts, type ToolContext } from "./tool-ports.ts";

export type { ToolContext };

/** One call as it travels to a shard. */
export interface ShardCall {
  readonly call: PlannedCall;
  readonly tool: Tool;
  /** What is left of the call's timeout and the run's deadline, whichever is less. */
  readonly timeoutMs: number;
}

/** Runs one call here. Never rejects; `defer` takes work that may outlive the answer, such as filling the cache. */
export function executeShardCall(
  env: Env,
  context: ToolContext,
  task: ShardCall,
  defer: (work: Promise<unknown>) => void,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const ports = toolPorts(env, context, new Map([[task.tool.name, task.tool]]), defer);
  return executeCall(ports, task.call, task.timeoutMs, signal);
}
