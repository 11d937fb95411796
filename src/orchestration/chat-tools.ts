/**
 * The gateway's calls of one model turn: checked, executed in parallel, and turned into what the model reads.
 *
 * A call that cannot be made (unknown tool, broken arguments, over the limit) or that fails becomes an error result, so
 * the model can correct itself or say what is missing; it never fails the run.
 */

import { isFromCache } from "../contract/cache.ts";
import type { ToolActivity } from "../contract/chat.ts";
import type { GatewayCallEvent } from "../contract/gateway-call.ts";
import { RESULT_QUERY } from "../contract/result-query.ts";
import type { CallError, CallResult, CallStatus } from "../contract/run.ts";
import type { ChatAnswer } from "./chat-answer.ts";
import type { TurnCall } from "./chat-turn.ts";
import type { TurnCalls } from "./early-start/turn-calls.ts";
import type { RefusedCall, TurnPlanner } from "./plan/plan-turn.ts";
import type { ChatPorts, PlannedCall, ToolBox } from "./ports.ts";
import { outputText } from "./results/output-text.ts";
import { type RawResult, shapeResults } from "./results/shape-results.ts";
import type { CallEvent } from "./schedule/scheduler.ts";

/** The gateway's calls of one turn, ended. */
export interface GatewayCalls {
  /** Content of the tool message, by the model's call id; one for each call, in the model's order. */
  readonly contents: ReadonlyMap<string, string>;
  /** Ids of calls whose arguments were not JSON at all. */
  readonly brokenIds: ReadonlySet<string>;
  /** Calls that took a slot. */
  readonly executed: number;
  readonly cacheHits: number;
  /** Sequential minus real time. */
  readonly savedMs: number;
  readonly lanesUsed: number;
  /** More calls were asked for than the run may make; those beyond were not executed. */
  readonly isOverLimit: boolean;
}

/** Where a turn's calls are executed, and what its run is. */
export interface TurnScope {
  readonly ports: Pick<ChatPorts, "tools" | "results" | "newId">;
  readonly running: TurnCalls;
  /** Reads and links what the calls refer to. */
  readonly plans: TurnPlanner;
  readonly answer: ChatAnswer;
  /** Calls the run may still make. */
  readonly callsLeft: number;
  /** Since the run began. */
  readonly elapsedMs: number;
}

/** Executes `calls`, at most `callsLeft` of them. Resolves by the deadline plus the grace of the scheduler. */
export async function executeGatewayCalls(
  calls: readonly TurnCall[],
  { ports, running, plans, answer, callsLeft, elapsedMs }: TurnScope,
): Promise<GatewayCalls> {
  // In the model's order, whatever order the calls end in.
  const contents = new Map(calls.map(({ id }) => [id, ""]));
  const brokenIds = new Set<string>();
  const { planned, refused, isOverLimit } = plans.plan(calls, callsLeft);
  for (const { id, name, argumentsJson } of calls) {
    const tool = tenantsName(ports.tools, name);
    await answer.item({ type: "gateway_call", id, name: tool, argumentsJson });
    const refusal = refused.get(id);
    if (refusal === undefined) continue;
    if (refusal.error.code === "arguments_not_json") brokenIds.add(id);
    contents.set(id, errorContent(refusal.error, refusal.status));
    await sayRefused(answer, id, tool, refusal, elapsedMs);
  }
  let executed = 0;
  const { results, lanesUsed } = await running.execute(planned, async (event) => {
    if (event.type === "call.started") executed += 1;
    for (const activity of activitiesOf(event)) await sayActivity(answer, activity);
    if (event.type === "call.progress")
      await answer.item({ ...event, type: "gateway_call_progress" });
    if ("result" in event) await answer.item(endOf(event.result));
  });
  plans.keep(planned, results);
  running.made(calls);
  const raw = rawResults(contents, planned, results);
  const shaped = await shapeResults(raw, ports.results.maxTokensPerTurn, ports);
  const sequentialMs = results.reduce((sum, { durationMs }) => sum + durationMs, 0);
  return {
    contents: shaped,
    brokenIds,
    executed,
    cacheHits: results.filter(({ cache }) => isFromCache(cache)).length,
    savedMs: Math.max(0, sequentialMs - realMs(results)),
    lanesUsed,
    isOverLimit,
  };
}

/** Says that a call ended before it was made. */
async function sayRefused(
  answer: ChatAnswer,
  id: string,
  name: string,
  { error, status }: RefusedCall,
  t_ms: number,
): Promise<void> {
  await answer.item({ type: "gateway_call_ended", id, status, outputJson: null, error });
  await sayActivity(answer, { type: "tool.error", call_id: id, name, t_ms, status });
}

function tenantsName({ offered }: ToolBox, wireName: string): string {
  return offered.find((tool) => tool.wireName === wireName)?.name ?? wireName;
}

function endOf(result: CallResult): GatewayCallEvent {
  const { id, status, error = null } = result;
  const outputJson = error === null ? outputText(result) : null;
  return { type: "gateway_call_ended", id, status, outputJson, error };
}

/** From the first call's start to the last one's end; a slow reader of the events does not count. */
function realMs(results: readonly CallResult[]): number {
  const starts = results.map(({ startedMs }) => startedMs);
  const ends = results.map(({ startedMs, durationMs }) => startedMs + durationMs);
  return results.length === 0 ? 0 : Math.max(...ends) - Math.min(...starts);
}

/** What shaping needs to know of each result, in the model's order; `refused` has the contents of calls not made. */
function rawResults(
  refused: ReadonlyMap<string, string>,
  planned: readonly PlannedCall[],
  results: readonly CallResult[],
): readonly RawResult[] {
  const calls = new Map(planned.map((call) => [call.id, call]));
  const ended = new Map(results.map((result) => [result.id, result]));
  return [...refused].map(([id, content]) => {
    const result = ended.get(id);
    const call = calls.get(id);
    return {
      id,
      json: result === undefined ? content : contentOf(result),
      handle: result?.kept?.handle ?? null,
      maxTokens: call?.maxResultTokens ?? null,
      isError:
        result === undefined || (result.error !== undefined && result.lateOutputJson === undefined),
      isKept: call?.tool !== RESULT_QUERY,
    };
  });
}

/** Null when the output is not here but kept. */
function contentOf(result: CallResult): string | null {
  if (result.kept !== undefined) return null;
  // For everybody else the call has ended as a timeout; the model may use the answer, knowing that it came late.
  if (result.lateOutputJson !== undefined)
    return `{${LATE_NOTE},"output":${result.lateOutputJson}}`;
  if (result.error === undefined) return result.outputJson ?? "null";
  return errorContent(result.error, result.status);
}

const LATE_NOTE = '"late":"The tool answered after its time limit."';

function errorContent(error: CallError, status: CallStatus): string {
  return JSON.stringify({ error: { ...error, status } });
}

function activitiesOf(event: CallEvent): readonly ToolActivity[] {
  if (event.type === "call.queued" || event.type === "call.progress") return [];
  if (event.type === "call.started") {
    return [{ type: "tool.started", call_id: event.id, name: event.tool, t_ms: event.startedMs }];
  }
  const { id, tool, startedMs, durationMs, status, cache } = event.result;
  const activity = {
    call_id: id,
    name: tool,
    t_ms: startedMs + durationMs,
    status,
    duration_ms: durationMs,
  };
  const end: ToolActivity = { ...activity, type: END_TYPES[event.type] };
  return isFromCache(cache) ? [{ ...activity, type: "tool.cache_hit" }, end] : [end];
}

const END_TYPES = {
  "call.completed": "tool.result",
  "call.failed": "tool.error",
  "call.cancelled": "tool.cancelled",
} as const;

function sayActivity(answer: ChatAnswer, activity: ToolActivity): Promise<void> {
  return answer.say({ type: "tool", activity });
}
