/** One chat run over a scripted model, fake lanes, a fake clock and a store of turns in memory. */

import type { ChatEvent, ChatRequest, ModelEvent } from "../../src/contract/chat.ts";
import type { GatewayError } from "../../src/contract/error.ts";
import type { HeldTurn } from "../../src/contract/gateway-call.ts";
import type {
  ChatBounds,
  ChatPorts,
  OfferedTool,
  PlannedCall,
  ReferenceUse,
} from "../../src/orchestration/ports.ts";
import { plainChat } from "../../src/orchestration/plain-chat.ts";
import { runChat } from "../../src/orchestration/run-chat.ts";
import { isJsonArray, isJsonObject, type JsonObject } from "../../src/platform/canonical-json.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { CHAT_BOUNDS } from "./chat-bounds.ts";
import { toolBox } from "./chat-tool-box.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { type CallScript, FakeLanes, succeeded } from "./fake-lanes.ts";
import { MemoryResults, MemoryTurns } from "./memory-stores.ts";

/** One thing the scripted model does. */
export type ModelStep = ModelEvent | { readonly type: "wait"; readonly ms: number };

/** One scripted turn: an error status, or what its stream brings. */
export type ModelScript =
  | { readonly error: GatewayError }
  | {
      readonly headersAfterMs?: number;
      readonly steps: readonly ModelStep[];
      /** Keeps waiting when aborted, as a broken port would. */
      readonly ignoresSignal?: boolean;
    };

/** A piece of text. */
export function text(content: string): ModelEvent {
  return { type: "delta", delta: { content } };
}

/** A whole call in three events. */
export function call(
  index: number,
  name: string,
  argumentsJson = "{}",
  id = `m${index}_${name}`,
): ModelEvent[] {
  const half = Math.ceil(argumentsJson.length / 2);
  return [
    { type: "call", index, id, name },
    { type: "call_arguments", index, delta: argumentsJson.slice(0, half) },
    { type: "call_arguments", index, delta: argumentsJson.slice(half) },
  ];
}

/** The end of a turn. */
export function finish(reason: string): ModelEvent {
  return { type: "finish", reason };
}

/** A turn that only says `content`. */
export function says(content: string): ModelScript {
  return { steps: [text(content), finish("stop")] };
}

/** A turn that makes calls. */
export function calls(...made: readonly ModelEvent[][]): ModelScript {
  return { steps: [...made.flat(), finish("tool_calls")] };
}

/** Gateway tools `weather` (wire name `weather`) and `shop.buy` (wire name `shop_buy`, a write). */
export const OFFERED: readonly OfferedTool[] = [
  { wireName: "weather", name: "weather", description: "Weather.", input: { type: "object" } },
  { wireName: "shop_buy", name: "shop.buy", description: "Buys.", input: { type: "object" } },
];

/** A tool of the client. */
export const CLIENT_TOOL = { type: "function", function: { name: "ask_user" } };

/** A body with one message. */
export function request(changes: Partial<ChatRequest> = {}): ChatRequest {
  return { model: "m", messages: [{ role: "user", content: "Hello" }], stream: true, ...changes };
}

/** What a scene is made of; everything has a default. Calls share places with other runs, or are guessed, with their ports. */
export interface ChatSetup extends Partial<Pick<ChatPorts, "share" | "speculation">> {
  readonly model: readonly ModelScript[];
  readonly request?: ChatRequest;
  readonly offered?: readonly OfferedTool[];
  readonly bounds?: Partial<ChatBounds>;
  readonly tool?: (call: PlannedCall) => CallScript;
  readonly store?: MemoryTurns;
  readonly kept?: MemoryResults;
  readonly maxParallelOfTool?: number;
  /** The tools leave the tenant's zone of trust. */
  readonly isObservable?: boolean;
  /** What a tool's calls are besides. */
  readonly callsOf?: (tool: string) => Partial<PlannedCall>;
  /** A run of items; `asks` says whether it can hold calls that need approval. */
  readonly items?: { readonly asks: boolean };
  /** Output schemas by the tenant's names. */
  readonly outputs?: Readonly<Record<string, JsonObject>>;
  /** Calls may refer to each other's results. */
  readonly references?: boolean;
  /** By the short way of a chat in which the gateway has no part. */
  readonly plain?: boolean;
}

let scenes = 0;

/** A chat run about to begin. */
export class ChatScene {
  readonly clock = new FakeClock();
  readonly lanes: FakeLanes;
  readonly store: MemoryTurns;
  readonly kept: MemoryResults;
  readonly events: ChatEvent[] = [];
  /** Turns that wait for approval. */
  readonly held = new Map<string, HeldTurn>();
  /** Bodies the model was asked with. */
  readonly asked: JsonObject[] = [];
  /** How references went, turn by turn. */
  readonly referenceUses: ReferenceUse[] = [];
  /** Model streams that were left before their end. */
  left = 0;
  readonly #setup: ChatSetup;
  readonly #controller = new AbortController();
  readonly #scene: number;
  #ids = 0;

  constructor(setup: ChatSetup) {
    scenes += 1;
    this.#scene = scenes;
    this.#setup = setup;
    this.store = setup.store ?? new MemoryTurns();
    this.kept = setup.kept ?? new MemoryResults();
    this.lanes = new FakeLanes(
      this.clock,
      setup.tool ??
        ((planned) => ({ durationMs: 100, outcome: succeeded({ tool: planned.tool }) })),
    );
  }

  /** Starts the run. */
  start(emit?: ChatPorts["emit"]): Promise<void> {
    const { bounds } = this.#setup;
    if (this.#setup.plain === true) return this.#plain(emit);
    return runChat(
      {
        id: "run_1",
        request: this.#setup.request ?? request(),
        bounds: { ...CHAT_BOUNDS, ...bounds },
        ...(this.#setup.items !== undefined && { asItems: true }),
      },
      this.#ports(emit),
      this.#controller.signal,
    );
  }

  /** Runs it to its end and returns its last event. */
  async run(): Promise<ChatEvent | undefined> {
    await this.clock.runUntil(this.start());
    return this.events.at(-1);
  }

  /** The client goes. */
  cancel(): void {
    this.#controller.abort();
  }

  /** Text the client has read. */
  content(field = "content"): string {
    return this.events
      .flatMap((event) => (event.type === "delta" ? [event.delta[field]] : []))
      .filter((piece) => typeof piece === "string")
      .join("");
  }

  /** What the tool messages of the `n`-th question to the model (from 0) say, parsed. */
  toolContents(n: number): readonly unknown[] {
    const messages = this.asked[n]?.["messages"];
    if (messages === undefined || !isJsonArray(messages)) return [];
    return messages
      .filter(isJsonObject)
      .filter(({ role }) => role === "tool")
      .map(({ content }): unknown => JSON.parse(String(content)));
  }

  /** The assistant message the client has put together, as it sends it back. */
  assistantMessage(): { role: string; content: string | null; tool_calls: { id: string }[] } {
    const made = this.events.flatMap((event) => (event.type === "client_call" ? [event] : []));
    return {
      role: "assistant",
      content: this.content() === "" ? null : this.content(),
      tool_calls: made.map(({ index, id, name }) => ({
        id,
        type: "function",
        function: { name, arguments: this.#argumentsOf(index) },
      })),
    };
  }

  async #plain(emit: ChatPorts["emit"] | undefined): Promise<void> {
    const ports = this.#ports(emit);
    const bounds = { ...CHAT_BOUNDS, ...this.#setup.bounds };
    const deadlineAtMs = this.clock.now() + bounds.deadlineMs;
    const run = { id: "run_1", request: this.#setup.request ?? request(), deadlineAtMs };
    const chat = plainChat(run, ports, this.#controller.signal);
    for await (const event of chat.events) await ports.emit(event);
    await chat.ended;
  }

  #argumentsOf(index: number): string {
    return this.events
      .flatMap((event) =>
        event.type === "client_call_arguments" && event.index === index ? [event.delta] : [],
      )
      .join("");
  }

  #ports(emit: ChatPorts["emit"] | undefined): ChatPorts {
    return {
      clock: this.clock,
      lanes: this.lanes,
      tools: toolBox({ offered: OFFERED, ...this.#setup }),
      onReferences: (use) => {
        if (use.good + use.bad > 0) this.referenceUses.push(use);
      },
      turns: this.store,
      ...(this.#setup.share && { share: this.#setup.share }),
      ...(this.#setup.speculation && { speculation: this.#setup.speculation }),
      results: this.kept,
      ...(this.#setup.items?.asks === true && {
        holdTurn: async (turnId: string, turn: HeldTurn) => {
          this.held.set(turnId, structuredClone(turn));
        },
      }),
      newId: (prefix) => {
        this.#ids += 1;
        return `${prefix}_${`${this.#scene}x${this.#ids}`.padStart(22, "0")}`;
      },
      askModel: async (body, signal) => {
        // A snapshot: the loop goes on adding messages.
        this.asked.push(structuredClone(body));
        const script = this.#setup.model[this.asked.length - 1] ?? says("The script is over.");
        if ("error" in script) return fail(script.error);
        const waited = script.ignoresSignal === true ? new AbortController().signal : signal;
        await this.clock.sleep(script.headersAfterMs ?? 0, waited);
        if (waited.aborted) return fail({ code: "cancelled" });
        return ok(this.#stream(script.steps, waited));
      },
      emit:
        emit ??
        (async (event) => {
          this.events.push(event);
        }),
    };
  }

  async *#stream(steps: readonly ModelStep[], signal: AbortSignal): AsyncGenerator<ModelEvent> {
    let isDone = false;
    try {
      for (const step of steps) {
        if (step.type === "wait") await this.clock.sleep(step.ms, signal);
        else yield step;
        if (signal.aborted) {
          yield { type: "failed", error: { code: "cancelled" } };
          return;
        }
      }
      isDone = true;
    } finally {
      if (!isDone) this.left += 1;
    }
  }
}
