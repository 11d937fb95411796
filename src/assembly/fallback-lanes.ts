/**
 * FallbackLanes: a call whose tool's server fails is made by the tool that stands in for it, with the same arguments, and its
 * result is flagged `degraded`.
 *
 * It stands outside the limits, so the second call is under those of its own tool. What stands in must fit: its own `input`
 * takes the arguments, its result satisfies the first tool's `output`; else the first failure stands. A stand-in that may have
 * written is the call's outcome, whatever it was.
 */

import type { PlannedCall } from "../contract/planned-call.ts";
import { type CallOutcome, hasResult } from "../contract/run.ts";
import { standInOf, type Tool, type ToolDefinition } from "../contract/tool.ts";
import { decorateLanes } from "../orchestration/journal/decorate-lanes.ts";
import type { Clock, Lane, LanePool } from "../orchestration/ports.ts";
import { checkOutput } from "../tools/arguments.ts";
import { MAX_STAND_INS, mayFallBack, mayStandIn } from "../tools/fall-back.ts";
import { callableTool } from "../tools/tool-box.ts";

/** The same lanes; as they were when no tool stands in for another. */
export function fallbackLanes(
  pool: LanePool,
  tools: ReadonlyMap<string, Tool>,
  clock: Clock,
): LanePool {
  const isNeeded = [...tools.values()].some(({ definition }) => standInOf(definition) !== null);
  if (!isNeeded) return pool;
  return decorateLanes(pool, {
    run(lane, call, timeoutMs, signal) {
      const tool = tools.get(call.tool);
      if (tool === undefined || standInOf(tool.definition) === null)
        return lane.run(call, timeoutMs, signal);
      return runOne({ lane, tools, clock, signal }, tool, call, timeoutMs);
    },
  });
}

interface Making {
  readonly lane: Lane;
  readonly tools: ReadonlyMap<string, Tool>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

async function runOne(
  { lane, tools, clock, signal }: Making,
  { definition: own }: Tool,
  call: PlannedCall,
  timeoutMs: number,
): Promise<CallOutcome> {
  const endsAtMs = clock.now() + timeoutMs;
  const first = await lane.run(call, Math.min(timeoutMs, own.timeout_ms), signal);
  const tried = new Set([call.tool]);
  let last: { readonly definition: ToolDefinition; readonly outcome: CallOutcome } = {
    definition: own,
    outcome: first,
  };
  let { attempts } = first;
  for (let n = 0; n < MAX_STAND_INS && mayFallBack(call.effect, last.outcome); n += 1) {
    const tool = tools.get(standInOf(last.definition) ?? "");
    const leftMs = endsAtMs - clock.now();
    if (tool === undefined || tried.has(tool.name) || leftMs <= 0 || signal.aborted) break;
    const planned = standInCall(call, own, tool);
    if (planned === null) break;
    tried.add(tool.name);
    const { definition } = tool;
    const outcome = await lane.run(planned, Math.min(leftMs, definition.timeout_ms), signal);
    attempts += outcome.attempts;
    if (outcome.status === "outcome_unknown") return { ...outcome, attempts };
    if (hasResult(outcome) && fits(own, outcome))
      return { ...outcome, status: "degraded", attempts };
    last = { definition, outcome };
  }
  return { ...first, attempts };
}

/** The call as the other tool makes it, or null when it may not, or does not take these arguments. */
function standInCall(call: PlannedCall, own: ToolDefinition, tool: Tool): PlannedCall | null {
  if (!mayStandIn(tool.definition, own)) return null;
  const callable = callableTool(tool);
  if (callable.check(call.arguments, []).length > 0) return null;
  // Where the first tool goes, and with which others it is limited, is no business of this one.
  const { tags: _tags, host: _host, group: _group, ...made } = call;
  return { ...made, ...callable.call(call.id, call.arguments) };
}

/** Whether what came may be read as the first tool's result. One too long to be handed on is not looked at. */
function fits(own: ToolDefinition, { outputJson }: CallOutcome): boolean {
  if (own.output === undefined) return true;
  return outputJson !== undefined && checkOutput(own, JSON.parse(outputJson)).length === 0;
}
