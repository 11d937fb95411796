/**
 * Executes a run from plain data: builds the ports and hands the order to the run core.
 *
 * The same code runs in the serving isolate and in a `RunJournal` object. The run's events come out as an async
 * iterable; leaving it, or aborting the signal, stops everything the run has open.
 */

import type { ChoiceRecord } from "../contract/balance.ts";
import type { ChatEvent } from "../contract/chat.ts";
import type { ResponseRunEvent } from "../contract/response.ts";
import type { RunEvent } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import { journalModel } from "../orchestration/journal/journal-model.ts";
import { CallNumbers, numberedTools } from "../orchestration/journal/number-calls.ts";
import { recallCalls } from "../orchestration/journal/recall-calls.ts";
import { createBinder } from "../orchestration/plan/bind-call.ts";
import type { ChatPorts, SchedulePorts, ToolBox } from "../orchestration/ports.ts";
import type { ResponsePorts } from "../orchestration/responses/ports.ts";
import { runResponse } from "../orchestration/responses/run-response.ts";
import { runCalls } from "../orchestration/run-calls.ts";
import { createRunControl, type RunControl } from "../orchestration/run-control.ts";
import { runChat } from "../orchestration/run-chat.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import { followWork } from "../platform/followed-work.ts";
import { newId } from "../platform/id.ts";
import type { Tier } from "../resilience/shedding.ts";
import { createToolBox, toolFinder } from "../tools/tool-box.ts";
import { modelPort, routeModel } from "./ask-model.ts";
import { digest } from "./call-digest.ts";
import { chainsOf } from "./chains.ts";
import { runLanes, runTimes, type DurableRun, type RunTimes } from "./durable-run.ts";
import { roomyLanes, shareInlineRoom } from "./inline-room.ts";
import { keptResults } from "./kept-results.ts";
import { lanePool } from "./lanes.ts";
import { limitedLanes } from "./limited-lanes.ts";
import { limitedModel } from "./limited-model.ts";
import { referencePorts, type ReferenceChoice } from "./reference-choice.ts";
import { lengthOf, MAX_UNREAD_LENGTH, readerPace } from "./reader-pace.ts";
import { approvalStore, responseIdOf, responseStore } from "./response-store.ts";
import { chatBounds } from "./chat-bounds.ts";
import { fallbackLanes } from "./fallback-lanes.ts";
import { isolateShare } from "./call-share.ts";
import type { RunContext } from "./run-context.ts";
import type { CallsOrder, ChatOrder, OfferedTools, ResponseOrder, RunOrder } from "./run-order.ts";
import { runModel } from "./run-model.ts";
import { toolContext } from "./tool-ports.ts";
import { expectedMsOf, measuredLanes } from "./tool-latency.ts";
import { speculationOf } from "./tenant-memory.ts";
import { turnStore } from "./turn-store.ts";

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

/** Starts one life of a durable run of any kind. */
export function executeOrder(
  env: Env,
  order: RunOrder,
  defer: Defer,
  signal: AbortSignal,
  durable: DurableRun,
): StartedRun<RunEvent | ChatEvent | ResponseRunEvent> {
  switch (order.kind) {
    case "run":
      return executeCallsOrder(env, order, defer, signal, durable);
    case "chat":
      return executeChatOrder(env, order, defer, signal, durable);
    case "response":
      break;
  }
  return executeResponseOrder(env, order, defer, signal, durable);
}

/** Starts a run of ready calls. */
export function executeCallsOrder(
  env: Env,
  order: CallsOrder,
  defer: Defer,
  signal: AbortSignal,
  durable: DurableRun | null = null,
): StartedRun<RunEvent> {
  const { context, request, calls, branches } = order;
  const { runs } = context.snapshot.policy;
  const times = runTimes(durable, request.deadline_ms ?? runs.deadline_ms);
  const numbers = new CallNumbers(context.runId, digest);
  // In their order, before any of them starts. Not awaited: a call waits for its key where it needs it.
  if (durable !== null) for (const call of calls) void numbers.keyOf(call);
  const tier = request.background === true ? "background" : "interactive";
  const ports = schedulePorts(env, context, defer, { durable, numbers, times }, tier);
  const find = toolFinder(context.snapshot.tools);
  const bind = createBinder(find);
  const control = createRunControl();
  const run = start<RunEvent>(context.runId, signal, async (emit, runSignal) => {
    const pace = readerPace(ports.lanes, emit);
    const log = durable?.isResumed === true ? durable.calls : null;
    const known = log === null ? null : await recallCalls(calls, numbers, log);
    return runCalls(
      {
        id: context.runId,
        calls: shareInlineRoom(calls),
        branches,
        mode: request.mode,
        maxParallel: request.max_parallel ?? runs.max_parallel,
        deadlineMs: times.deadlineMs,
        startedAtMs: times.startedAtMs,
        isCancelled: times.bounds.isCancelled,
        ...(known !== null && { known }),
        caps: runs.caps,
      },
      { ...ports, lanes: pace.lanes, bind, find, control, emit: (event) => pace.emit(event) },
      runSignal,
    );
  });
  return { ...run, control };
}

/** Starts a chat run. */
export function executeChatOrder(
  env: Env,
  order: ChatOrder,
  defer: Defer,
  signal: AbortSignal,
  durable: DurableRun | null = null,
): StartedRun<ChatEvent> {
  const { context, request, asItems } = order;
  const life = lifeOf(order, durable);
  const references = referencePorts(toolsOf(order), context.snapshot, request.model);
  return start<ChatEvent>(context.runId, signal, (emit, runSignal) => {
    const ports: ChatPorts = {
      ...modelLoopPorts(env, order, defer, life),
      ...references.ports,
      tools: numbered(references.ports.tools, life),
      emit: order.isDebug
        ? (event) => emit(withDebug(env, order, references.choice, life, event))
        : emit,
    };
    const { startedAtMs } = life.times;
    const bounds = chatBounds(context, life.times);
    const run = { id: context.runId, request, bounds, startedAtMs };
    return runChat(asItems ? { ...run, asItems } : run, ports, runSignal);
  });
}

/** Starts the run of a response. */
export function executeResponseOrder(
  env: Env,
  order: ResponseOrder,
  defer: Defer,
  signal: AbortSignal,
  durable: DurableRun | null = null,
): StartedRun<ResponseRunEvent> {
  const { context, request, keyId, createdAtS } = order;
  const { runId, snapshot } = context;
  const life = lifeOf(order, durable);
  const references = referencePorts(toolsOf(order), snapshot, request.model);
  return start<ResponseRunEvent>(runId, signal, (emit, runSignal) => {
    const ports: ResponsePorts = {
      ...modelLoopPorts(env, order, defer, life),
      ...references.ports,
      tools: numbered(references.ports.tools, life),
      responses: responseStore(env, snapshot),
      approvals: approvalStore(env, { snapshot, keyId, runId }),
      nowS: () => Math.floor(Date.now() / 1000),
      emit,
    };
    const id = responseIdOf(runId);
    const { startedAtMs } = life.times;
    const bounds = chatBounds(context, life.times);
    return runResponse({ id, runId, request, bounds, createdAtS, startedAtMs }, ports, runSignal);
  });
}

function lifeOf(order: ChatOrder | ResponseOrder, durable: DurableRun | null): RunLife {
  const { runId, snapshot } = order.context;
  const times = runTimes(durable, snapshot.policy.runs.deadline_ms);
  return { durable, times, numbers: new CallNumbers(runId, digest), choices: [] };
}

function modelLoopPorts(
  env: Env,
  { context }: ChatOrder | ResponseOrder,
  defer: Defer,
  life: RunLife,
): Omit<ChatPorts, "emit" | "tools"> {
  const { durable, times, choices } = life;
  const askModel = runModel(env, context, defer, (choice) => {
    choices[0] = choice;
  });
  const guessing = limitedModel(env, context, defer, modelPort(env, context, defer));
  const scheduled = schedulePorts(env, context, defer, life, "agent_step");
  return {
    ...scheduled,
    lanes: roomyLanes(scheduled.lanes),
    ...speculationOf(context.snapshot, PLATFORM_CLOCK, guessing),
    turns: turnStore(env, context),
    results: keptResults(env, toolContext(context)),
    newId: durable === null ? (prefix) => newId(prefix) : durable.newId,
    askModel: durable === null ? askModel : journalModel(askModel, durable.turns, times.bounds),
  };
}

/** The tools a model may call. */
function toolsOf({ context, tools }: ChatOrder | ResponseOrder): ToolBox {
  return createToolBox(chosenTools(context.snapshot.tools, tools));
}

/** A durable run knows its calls by number; the others need none before they start. */
function numbered(tools: ToolBox, { durable, numbers }: RunLife): ToolBox {
  return durable === null ? tools : numberedTools(tools, numbers);
}

function withDebug(
  env: Env,
  { context, request }: ChatOrder,
  references: ReferenceChoice,
  { choices }: RunLife,
  event: ChatEvent,
): ChatEvent {
  const route = routeModel(context.snapshot, request.model);
  if (event.type !== "finished" || route === null) return event;
  const [choice] = choices;
  const { name, upstream } = route;
  const target = choice?.target.slice(name.length + 1) ?? upstream.targets[0]?.id ?? "";
  const told = { upstream: name, target, region: env.REGION, references };
  const debug = choice === undefined ? told : { ...told, choice };
  return { ...event, summary: { ...event.summary, debug } };
}

/** One life of a run: the only one, unless the run is durable. */
interface RunLife {
  readonly durable: DurableRun | null;
  readonly numbers: CallNumbers;
  readonly times: RunTimes;
  /** The last choice between several targets, if there was one. */
  readonly choices: ChoiceRecord[];
}

function schedulePorts(
  env: Env,
  context: RunContext,
  defer: Defer,
  { durable, numbers, times }: Omit<RunLife, "choices">,
  tier: Tier,
): SchedulePorts {
  const clock = PLATFORM_CLOCK;
  const { tools, tenantId } = context.snapshot;
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const ranked = { ...toolContext(context), rank: { tier, run: context.runId } };
  const pool = lanePool(env, ranked, byName, defer);
  const connections = limitedLanes(env, context, defer, pool);
  const measured = measuredLanes(connections, tenantId, clock);
  const backed = fallbackLanes(measured, byName, clock);
  return {
    clock,
    lanes: runLanes(backed, numbers, byName, durable, times.bounds),
    expectedMs: expectedMsOf(tenantId, clock),
    share: isolateShare(tenantId),
    inside: chainsOf(tools, clock),
  };
}

/** The tools a chat offers to the model. */
export function chosenTools(tools: readonly Tool[], offered: OfferedTools): readonly Tool[] {
  if (offered === "all") return tools;
  if (offered === "none") return [];
  return tools.filter((tool) => offered.includes(tool.name));
}

function start<Event extends { readonly type: string }>(
  id: string,
  signal: AbortSignal,
  run: (emit: (event: Event) => Promise<void>, signal: AbortSignal) => Promise<unknown>,
): StartedRun<Event> {
  const unread = { most: MAX_UNREAD_LENGTH, sizeOf: lengthOf };
  return { id, ...followWork<Event>({ events: EVENTS_AHEAD, unread }, signal, run) };
}
