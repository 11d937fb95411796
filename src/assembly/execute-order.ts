/**
 * Executes a run from plain data: builds the ports and hands the order to the run core.
 *
 * The same code runs in the serving isolate and in a `RunJournal` object. The run's events come out as an async
 * iterable; leaving it, or aborting the signal, stops everything the run has open.
 */

import type { ChatEvent, ChatRequest } from "../contract/chat.ts";
import type { ResponseRequest, ResponseRunEvent } from "../contract/response.ts";
import type { RunEvent, RunRequest } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import type { BranchPlan } from "../orchestration/branches/plan-branches.ts";
import { createBinder } from "../orchestration/plan/bind-call.ts";
import type {
  ChatBounds,
  ChatPorts,
  PlannedCall,
  SchedulePorts,
  ToolBox,
} from "../orchestration/ports.ts";
import type { ResponsePorts } from "../orchestration/responses/ports.ts";
import { runResponse } from "../orchestration/responses/run-response.ts";
import { runCalls } from "../orchestration/run-calls.ts";
import { createRunControl, type RunControl } from "../orchestration/run-control.ts";
import { runChat } from "../orchestration/run-chat.ts";
import { createChannel } from "../platform/channel.ts";
import { newId } from "../platform/id.ts";
import { createToolBox, toolFinder } from "../tools/tool-box.ts";
import { modelPort, routeModel } from "./ask-model.ts";
import { keptResults } from "./kept-results.ts";
import { lanePool } from "./lanes.ts";
import { PLATFORM_CLOCK } from "./platform-clock.ts";
import { referencePorts, type ReferenceChoice } from "./reference-choice.ts";
import { approvalStore, responseIdOf, responseStore } from "./response-store.ts";
import { isolateShare } from "./call-share.ts";
import type { RunContext } from "./run-context.ts";
import { toolContext } from "./tool-ports.ts";
import { expectedMsOf, measuredLanes } from "./tool-latency.ts";
import { turnStore } from "./turn-store.ts";

/** Which of the tenant's tools a chat offers to the model. */
export type OfferedTools = "all" | "none" | readonly string[];

/** A run of ready calls. They are planned (tools known, arguments valid) before the order is made. */
export interface CallsOrder {
  readonly kind: "run";
  readonly context: RunContext;
  /** Hash of what the client asked for; the same key with another hash is refused. */
  readonly bodyHash: string;
  readonly request: RunRequest;
  readonly calls: readonly PlannedCall[];
  readonly branches: BranchPlan;
}

/** A chat run. */
export interface ChatOrder {
  readonly kind: "chat";
  readonly context: RunContext;
  readonly bodyHash: string;
  readonly request: ChatRequest;
  readonly tools: OfferedTools;
  /** Adds to the summary where the request went. */
  readonly isDebug: boolean;
}

/** The run of a response. */
export interface ResponseOrder {
  readonly kind: "response";
  readonly context: RunContext;
  readonly bodyHash: string;
  readonly request: ResponseRequest;
  readonly tools: OfferedTools;
  /** The key that asks: approvals are good for no other. */
  readonly keyId: string;
  /** Seconds since the epoch. */
  readonly createdAtS: number;
}

/** Plain data that says everything about a run. */
export type RunOrder = CallsOrder | ChatOrder | ResponseOrder;

/** A run that has begun. */
export interface StartedRun<Event> {
  readonly id: string;
  /** Leaving it early stops the run. */
  readonly events: AsyncIterable<Event>;
  /** Resolves when nothing of the run is open any more. Never rejects. */
  readonly ended: Promise<void>;
  /** Cancels parts of a run of calls. Absent: it has none, or it executes elsewhere. */
  readonly control?: RunControl;
}

/** Events a run may be ahead of its reader. */
const EVENTS_AHEAD = 64;

type Defer = (work: Promise<unknown>) => void;

/** Starts a run of any kind. */
export function executeOrder(
  env: Env,
  order: RunOrder,
  defer: Defer,
  signal: AbortSignal,
): StartedRun<RunEvent | ChatEvent | ResponseRunEvent> {
  switch (order.kind) {
    case "run":
      return executeCallsOrder(env, order, defer, signal);
    case "chat":
      return executeChatOrder(env, order, defer, signal);
    case "response":
      break;
  }
  return executeResponseOrder(env, order, defer, signal);
}

/** Starts a run of ready calls. */
export function executeCallsOrder(
  env: Env,
  order: CallsOrder,
  defer: Defer,
  signal: AbortSignal,
): StartedRun<RunEvent> {
  const { context, request, calls, branches } = order;
  const { runs } = context.snapshot.policy;
  const ports = schedulePorts(env, context, defer);
  const find = toolFinder(context.snapshot.tools);
  const bind = createBinder(find);
  const control = createRunControl();
  const run = start<RunEvent>(context.runId, signal, (emit, runSignal) =>
    runCalls(
      {
        id: context.runId,
        calls,
        branches,
        mode: request.mode,
        maxParallel: request.max_parallel ?? runs.max_parallel,
        deadlineMs: request.deadline_ms ?? runs.deadline_ms,
        caps: runs.caps,
      },
      { ...ports, bind, find, control, emit },
      runSignal,
    ),
  );
  return { ...run, control };
}

/** Starts a chat run. */
export function executeChatOrder(
  env: Env,
  order: ChatOrder,
  defer: Defer,
  signal: AbortSignal,
): StartedRun<ChatEvent> {
  const { context, request } = order;
  const references = referencePorts(toolsOf(order), context.snapshot, request.model);
  return start<ChatEvent>(context.runId, signal, (emit, runSignal) => {
    const ports: ChatPorts = {
      ...modelLoopPorts(env, order, defer),
      ...references.ports,
      emit: order.isDebug ? (event) => emit(withDebug(env, order, references.choice, event)) : emit,
    };
    return runChat({ id: context.runId, request, bounds: chatBounds(context) }, ports, runSignal);
  });
}

/** Starts the run of a response. */
export function executeResponseOrder(
  env: Env,
  order: ResponseOrder,
  defer: Defer,
  signal: AbortSignal,
): StartedRun<ResponseRunEvent> {
  const { context, request, keyId, createdAtS } = order;
  const { runId, snapshot } = context;
  const references = referencePorts(toolsOf(order), snapshot, request.model);
  return start<ResponseRunEvent>(runId, signal, (emit, runSignal) => {
    const ports: ResponsePorts = {
      ...modelLoopPorts(env, order, defer),
      ...references.ports,
      responses: responseStore(env, snapshot),
      approvals: approvalStore(env, { snapshot, keyId, runId }),
      nowS: () => Math.floor(Date.now() / 1000),
      emit,
    };
    const id = responseIdOf(runId);
    return runResponse(
      { id, runId, request, bounds: chatBounds(context), createdAtS },
      ports,
      runSignal,
    );
  });
}

function modelLoopPorts(
  env: Env,
  { context }: ChatOrder | ResponseOrder,
  defer: Defer,
): Omit<ChatPorts, "emit" | "tools"> {
  return {
    ...schedulePorts(env, context, defer),
    turns: turnStore(env, context),
    results: keptResults(env, context.snapshot),
    newId: (prefix) => newId(prefix),
    askModel: modelPort(env, context),
  };
}

function chatBounds({ snapshot }: RunContext): ChatBounds {
  const { runs } = snapshot.policy;
  return {
    maxTurns: runs.max_turns,
    maxCalls: runs.max_calls,
    maxParallel: runs.max_parallel,
    deadlineMs: runs.deadline_ms,
    caps: runs.caps,
    earlyStart: runs.early_start,
  };
}

/** The tools a model may call. */
function toolsOf({ context, tools }: ChatOrder | ResponseOrder): ToolBox {
  return createToolBox(chosenTools(context.snapshot.tools, tools));
}

function withDebug(
  env: Env,
  { context, request }: ChatOrder,
  references: ReferenceChoice,
  event: ChatEvent,
): ChatEvent {
  const route = routeModel(context.snapshot, request.model);
  if (event.type !== "finished" || route === null) return event;
  const debug = { upstream: route.name, target: route.target.id, region: env.REGION, references };
  return { ...event, summary: { ...event.summary, debug } };
}

function schedulePorts(env: Env, context: RunContext, defer: Defer): SchedulePorts {
  const clock = PLATFORM_CLOCK;
  const { tools, tenantId } = context.snapshot;
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const lanes = lanePool(env, toolContext(context), byName, defer);
  return {
    clock,
    lanes: measuredLanes(lanes, tenantId, clock),
    expectedMs: expectedMsOf(tenantId, clock),
    share: isolateShare(tenantId),
  };
}

function chosenTools(tools: readonly Tool[], offered: OfferedTools): readonly Tool[] {
  if (offered === "all") return tools;
  if (offered === "none") return [];
  return tools.filter((tool) => offered.includes(tool.name));
}

function start<Event>(
  id: string,
  signal: AbortSignal,
  run: (emit: (event: Event) => Promise<void>, signal: AbortSignal) => Promise<unknown>,
): StartedRun<Event> {
  const left = new AbortController();
  const channel = createChannel<Event>(EVENTS_AHEAD);
  channel.onLeave(() => left.abort());
  const work = run((event) => channel.push(event), AbortSignal.any([signal, left.signal]));
  const close = () => channel.close();
  return {
    id,
    events: thenRethrow(channel.iterable, work),
    ended: work.then(close, close),
  };
}

/**
 * The run's events, and after the last of them whatever the run core threw: a bug or a platform fault must reach who
 * reads, not look like an end.
 */
function thenRethrow<Event>(
  events: AsyncIterable<Event>,
  work: Promise<unknown>,
): AsyncIterable<Event> {
  const iterator = events[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const next = await iterator.next();
        if (next.done === true) await work;
        return next;
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
