/** The bounds of a chat run, from its tenant's policy. */

import type { ChatBounds } from "../orchestration/ports.ts";
import type { RunTimes } from "./durable-run.ts";
import type { RunContext } from "./run-context.ts";

/** What the policy allows one chat run. */
export function chatBounds({ snapshot }: RunContext, { deadlineMs }: RunTimes): ChatBounds {
  const { runs } = snapshot.policy;
  return {
    maxTurns: runs.max_turns,
    maxCalls: runs.max_calls,
    maxParallel: runs.max_parallel,
    deadlineMs,
    caps: runs.caps,
    earlyStart: runs.early_start,
    toolSearchAbove: runs.tool_search_above,
  };
}
