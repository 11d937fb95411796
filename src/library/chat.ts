/**
 * `chat`: the model loop as a library. Asks the model, makes the calls of the tools given here, gives it the results and
 * asks again until it answers; calls of the request's own tools are left to whoever reads. The same core as behind
 * `POST /v1/chat/completions`: one assistant message, early starts, references between calls, cut results with a handle.
 *
 * Events come as an async iterable, read once; leaving it aborts everything. The last one is always `finished` or `failed`.
 */

import { type ChatEvent, ChatRequest } from "../contract/chat.ts";
import { parse } from "../contract/parse.ts";
import { MAX_PARALLEL_CALLS } from "../contract/policy.ts";
import { MAX_CALLS_PER_RUN } from "../contract/run.ts";
import { referenceBox } from "../orchestration/plan/reference-box.ts";
import type { ChatPorts, HiddenTurn, KeptResults, TurnStore } from "../orchestration/ports.ts";
import { runChat } from "../orchestration/run-chat.ts";
import { Abort, platformSignal } from "../platform/abort.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import { newId } from "../platform/id.ts";
import { createToolBox } from "../tools/tool-box.ts";
import type { DefinedTool } from "./define-tool.ts";
import type { Guessing } from "./guessing.ts";
import { lazyEvents } from "./lazy-events.ts";
import type { Provider } from "./provider.ts";
import { capsOf, InvalidCalls, RUN_LIMITS, type RunLimits } from "./run.ts";
import { type CallPorts, ToolSet, wholeWorld } from "./tool-set.ts";

/** Bounds of one chat. */
export interface ChatLimits extends RunLimits {
  /** Model answers; 8 when absent. */
  readonly maxTurns?: number;
  /** Tool calls; 256 when absent. */
  readonly maxCalls?: number;
  /** Estimated tokens that all results of one model turn may take together; 8,000 when absent. */
  readonly maxResultTokens?: number;
  /** With more tools than this the model is offered a search among them. Absent: it sees them all. */
  readonly toolSearchAbove?: number;
}

/** What a chat needs. */
export interface ChatOptions extends CallPorts {
  readonly provider: Provider;
  /** Tools that are called here. */
  readonly tools: readonly DefinedTool[];
  readonly signal?: AbortSignal;
  readonly limits?: ChatLimits;
  /** Starts calls that only read while the model is still writing; true when absent. */
  readonly earlyStart?: boolean;
  /** Lets calls of one turn use each other's results; true when absent. */
  readonly references?: boolean;
  /** With what calls are started before the model asks for them. Absent: none are. */
  readonly guessing?: Guessing;
  /**
   * Where the results of a turn wait that also calls tools of the request itself. Share one between the chats of a
   * conversation; without it such a turn cannot go on (`turn_expired`).
   */
  readonly turns?: TurnStore;
}

/** A chat that has ended. */
export interface ChatEnd extends Omit<Extract<ChatEvent, { type: "finished" }>, "type"> {
  /** Everything the model said. */
  readonly text: string;
}

/** A chat that failed. */
export class ChatFailed extends Error {
  override readonly name = "ChatFailed";
  readonly error: Extract<ChatEvent, { type: "failed" }>["error"];

  constructor(error: Extract<ChatEvent, { type: "failed" }>["error"]) {
    super(`The chat failed: ${error.code}.`);
    this.error = error;
  }
}

/** A chat: read its events, or ask for its end, once. */
export interface Chat extends AsyncIterable<ChatEvent> {
  readonly id: string;
  /** Runs it to its end. Rejects with `ChatFailed` when the model failed or the chat was cancelled. */
  end(): Promise<ChatEnd>;
}

const CHAT_LIMITS = { ...RUN_LIMITS, maxTurns: 8, maxCalls: 256, maxResultTokens: 8_000 };

/** Makes a chat. `request` is OpenAI's; fields the gateway does not know go to the provider. Throws `InvalidCalls` and `InvalidTool`. */
export function chat(request: unknown, options: ChatOptions): Chat {
  const parsed = parse(ChatRequest, request);
  if (!parsed.ok) throw new InvalidCalls(parsed.error.violations);
  const set = new ToolSet(options.tools);
  const id = newId("run");
  const world = wholeWorld(options, options.clock ?? PLATFORM_CLOCK);
  const limits = { ...CHAT_LIMITS, ...options.limits };
  checkLimits(limits);
  const signal = options.signal ?? new Abort().signal;
  const events = lazyEvents<ChatEvent>(signal, (emit, runSignal) => {
    const startedAtMs = world.clock.now();
    const { maxTurns, maxCalls, maxParallel, deadlineMs, maxResultTokens } = limits;
    const { toolSearchAbove } = limits;
    const box = createToolBox(set.tools);
    const ports: ChatPorts = {
      ...set.ports(id, maxParallel, startedAtMs + deadlineMs, world),
      tools: options.references === false ? box : referenceBox(box, true),
      turns: options.turns ?? memoryTurns(),
      results: memoryResults(maxResultTokens),
      newId: (prefix) => newId(prefix),
      askModel: (body, askSignal) => options.provider(body, platformSignal(askSignal)),
      ...(options.guessing !== undefined && { speculation: options.guessing }),
      emit,
    };
    const bounds = {
      maxTurns,
      maxCalls,
      maxParallel,
      deadlineMs,
      caps: capsOf(limits),
      earlyStart: options.earlyStart ?? true,
      ...(toolSearchAbove !== undefined && { toolSearchAbove }),
    };
    return runChat({ id, request: parsed.value, bounds, startedAtMs }, ports, runSignal);
  });
  return { id, ...events, end: () => endOf(events) };
}

/** The same bounds as a tenant's policy has. */
const BOUNDS: Readonly<Record<keyof typeof CHAT_LIMITS, readonly [least: number, most: number]>> = {
  maxTurns: [1, 64],
  maxCalls: [1, MAX_CALLS_PER_RUN],
  maxParallel: [1, MAX_PARALLEL_CALLS],
  deadlineMs: [1, 300_000],
  maxResultTokens: [256, 1_000_000],
};

function checkLimits(limits: typeof CHAT_LIMITS): void {
  const violations = Object.entries(BOUNDS).flatMap(([name, [least, most]]) => {
    const value: unknown = Object.entries(limits).find(([key]) => key === name)?.[1];
    const isRight =
      typeof value === "number" && Number.isInteger(value) && value >= least && value <= most;
    const message = `Must be a whole number from ${least} to ${most}.`;
    return isRight ? [] : [{ pointer: `/limits/${name}`, message }];
  });
  if (violations.length > 0) throw new InvalidCalls(violations);
}

async function endOf(events: AsyncIterable<ChatEvent>): Promise<ChatEnd> {
  const pieces: string[] = [];
  for await (const event of events) {
    if (event.type === "failed") throw new ChatFailed(event.error);
    if (event.type === "delta" && typeof event.delta["content"] === "string")
      pieces.push(event.delta["content"]);
    if (event.type === "finished") {
      const { type: _type, ...end } = event;
      return { ...end, text: pieces.join("") };
    }
  }
  throw new Error("The chat has been read already, or it was left.");
}

/** Turns kept in memory at once. */
const MAX_TURNS = 1_000;

const TURN_KEPT_MS = 3_600_000;

/** Keeps turns in this process for an hour, the newest `MAX_TURNS` of them. */
export function memoryTurns(now: () => number = () => Date.now()): TurnStore {
  const turns = new BoundedMap<string, HiddenTurn>(MAX_TURNS);
  return {
    async save(turnId, turn) {
      turns.set(turnId, turn, now() + TURN_KEPT_MS);
    },
    async load(turnId) {
      return turns.get(turnId, now()) ?? null;
    },
  };
}

/** Characters of cut results that one chat keeps. */
const MAX_KEPT_CHARACTERS = 64 * 1024 * 1024;

/** As long as the chat goes on. */
function memoryResults(maxTokensPerTurn: number): KeptResults {
  const kept = new Map<string, string>();
  let characters = 0;
  return {
    maxTokensPerTurn,
    async keep(handle, json) {
      characters += json.length;
      if (characters > MAX_KEPT_CHARACTERS) {
        characters -= json.length;
        return false;
      }
      kept.set(handle, json);
      return true;
    },
    async read(handle) {
      return kept.get(handle) ?? null;
    },
  };
}
