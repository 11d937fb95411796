/**
 * A conversation whose first turn is a stream of bytes, read by the real parser and executed by the real model loop; every
 * start of a call is noted together with how far the stream had come.
 */

import type { ChatEvent, ModelEvent, ToolActivity } from "../../../src/contract/chat.ts";
import type { OfferedTool, PlannedCall } from "../../../src/contract/planned-call.ts";
import type { CallOutcome } from "../../../src/contract/run.ts";
import { runChat } from "../../../src/orchestration/run-chat.ts";
import type { ToolBox } from "../../../src/orchestration/ports.ts";
import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { ok } from "../../../src/platform/result.ts";
import { createChatStreamParser } from "../../../src/upstream/chat-stream.ts";
import { unfoldWrapperCalls } from "../../../src/upstream/wrapper-calls.ts";
import { MemoryResults, MemoryTurns } from "../../support/memory-stores.ts";
import { toolBox } from "../../support/chat-tool-box.ts";
import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import { FakeLanes, succeeded } from "../../support/fake-lanes.ts";
import { Dice } from "../dice.ts";
import type { Chunk } from "./fuzzed-stream.ts";

/** What is true of the tools, whatever a planted fault says of them. */
export const EARLY_TOOLS: Readonly<Record<string, Partial<PlannedCall>>> = {
  compute: { effect: "pure" },
  look: { effect: "read" },
  watch: { effect: "read", observable: true },
  limited: { effect: "read", isCounted: true },
  asked: { effect: "read", approval: "required" },
  put: { effect: "idempotent_write" },
  save: { effect: "write" },
};

const OFFERED: readonly OfferedTool[] = Object.keys(EARLY_TOOLS).map((name) => ({
  wireName: name,
  name,
  description: name,
  input: { type: "object" },
}));

/** One start of a call. */
export interface EarlyStart {
  readonly call: PlannedCall;
  readonly atMs: number;
  /** No other call had been begun after it. */
  readonly isLast: boolean;
  /** The model had said that its calls are complete and meant. */
  readonly isMeant: boolean;
}

/** What came of a conversation. */
export interface EarlyTurn {
  readonly starts: readonly EarlyStart[];
  readonly end: ChatEvent | undefined;
  /** Starts that were shown. */
  readonly shown: readonly ToolActivity[];
  /** The messages of each question to the model. */
  readonly asked: readonly JsonObject[];
  /** Calls in flight and timers when it had ended. */
  readonly open: number;
  readonly aborted: number;
  /** When each call of the turn was completely written, in the order they were begun, since the run began. */
  readonly writtenMs: readonly number[];
}

/** How a conversation is held. */
export interface EarlySetup {
  readonly earlyStart: boolean;
  readonly maxCalls: number;
  /** Spoils what planning says, to see that it is noticed. */
  readonly plant?: (tools: ToolBox) => ToolBox;
}

const PARSER_FAULT: ModelEvent = { type: "failed", error: { code: "upstream_invalid_response" } };

/** Holds the conversation that begins with `chunks`; `seed` decides how long the tools take. */
export async function earlyTurn(
  seed: number,
  chunks: readonly Chunk[],
  { earlyStart, maxCalls, plant = (tools) => tools }: EarlySetup,
): Promise<EarlyTurn> {
  const clock = new FakeClock();
  const startedAtMs = clock.now();
  const seen: Seen = { last: null, isMeant: false, writtenMs: new Map<number, number>() };
  const starts: EarlyStart[] = [];
  const events: ChatEvent[] = [];
  const asked: JsonObject[] = [];
  const lanes = new FakeLanes(clock, (call) => {
    const { isMeant } = seen;
    const isLast = call.id.split("~")[0] === seen.last;
    starts.push({ call, atMs: clock.now() - startedAtMs, isLast, isMeant });
    const dice = new Dice(seed, "tool", call.tool, JSON.stringify(call.arguments));
    return { durationMs: dice.int(1, 150), outcome: answerOf(call) };
  });
  const tools = toolBox({
    offered: OFFERED,
    callsOf: (tool) => EARLY_TOOLS[tool] ?? { effect: "write" },
  });
  let ids = 0;
  const run = runChat(
    {
      id: "run",
      request: { model: "m", messages: [{ role: "user", content: "Hello" }], stream: true },
      bounds: { maxTurns: 3, maxCalls, maxParallel: 64, deadlineMs: 600_000, earlyStart },
    },
    {
      clock,
      lanes,
      tools: plant(tools),
      turns: new MemoryTurns(),
      results: new MemoryResults(),
      newId: (prefix) => {
        ids += 1;
        return `${prefix}_${String(ids).padStart(22, "0")}`;
      },
      askModel: async (body) => {
        asked.push(structuredClone({ messages: body["messages"] ?? [] }));
        return ok(asked.length === 1 ? streamed(chunks, clock, seen, startedAtMs) : done());
      },
      emit: async (event) => void events.push(event),
    },
    new AbortController().signal,
  );
  await clock.runUntil(run);
  return {
    starts,
    end: events.at(-1),
    shown: events.flatMap((event) =>
      event.type === "tool" && event.activity.type === "tool.started" ? [event.activity] : [],
    ),
    asked,
    open: lanes.inFlight + clock.pending,
    aborted: lanes.aborted.length,
    writtenMs: [...seen.writtenMs.values()],
  };
}

function answerOf(call: PlannedCall): CallOutcome {
  if (call.approval !== "required") return succeeded({ of: call.tool, n: call.arguments["n"] });
  const error = { code: "approval_required", message: "Nobody said yes." } as const;
  return { status: "approval_required", error, cache: "bypass", attempts: 0 };
}

interface Seen {
  /** Id of the call that was begun last. */
  last: string | null;
  isMeant: boolean;
  readonly writtenMs: Map<number, number>;
}

async function* streamed(
  chunks: readonly Chunk[],
  clock: FakeClock,
  seen: Seen,
  startedAtMs: number,
): AsyncGenerator<ModelEvent> {
  const toolNames = new Set(Object.keys(EARLY_TOOLS));
  let made = 0;
  const newCallId = (): string => {
    made += 1;
    return `made_${made}`;
  };
  const parser = unfoldWrapperCalls(createChatStreamParser({ toolNames, newCallId }), toolNames);
  const never = new AbortController().signal;
  for (const { afterMs, bytes } of chunks) {
    await clock.sleep(afterMs, never);
    for (const event of parser.push(bytes)) yield note(event, seen, clock.now() - startedAtMs);
    if (parser.done) return;
  }
  for (const event of parser.end()) yield note(event, seen, clock.now() - startedAtMs);
  if (!parser.done) yield PARSER_FAULT;
}

function note(event: ModelEvent, seen: Seen, nowMs: number): ModelEvent {
  if (event.type === "call") seen.last = event.id;
  if (event.type === "call_arguments") seen.writtenMs.set(event.index, nowMs);
  const isMeant = event.type === "finish" && ["tool_calls", "stop"].includes(event.reason);
  if (isMeant) seen.isMeant = true;
  return event;
}

async function* done(): AsyncGenerator<ModelEvent> {
  yield { type: "delta", delta: { content: "Done." } };
  yield { type: "finish", reason: "stop" };
}
