/**
 * Reads one model turn: hands its text and the client's calls on as they arrive, and keeps the gateway's calls back.
 *
 * A turn ends finished, failed (the stream broke) or stopped (deadline or cancel); what was handed on before stands. A
 * stream that ends without a finish reason is a broken one. The stream is always left, so nothing stays open.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import { isJsonArray, type Json, type JsonObject } from "../platform/canonical-json.ts";
import type { ChatAnswer } from "./chat-answer.ts";
import type { Stop, StopReason } from "./stop.ts";

/** One call of a turn. */
export interface TurnCall {
  /** The model's own id. */
  readonly id: string;
  readonly name: string;
  readonly argumentsJson: string;
  /** The id the client saw, or null for a gateway call. */
  readonly clientId: string | null;
  /** What the provider must see again beside the call. */
  readonly extra?: JsonObject;
  /** A custom tool's call: its arguments are free text. */
  readonly isCustom?: true;
}

/** What the model said in one turn. */
export interface ModelTurn {
  /** Fields of the assistant message that go back to the model in the next turn. */
  readonly text: JsonObject;
  readonly calls: readonly TurnCall[];
  readonly usage: JsonObject;
  /** Of a kept answer: what it would have used. */
  readonly saved?: JsonObject;
  /** The model that answered in place of the one asked for. */
  readonly degradedTo?: string;
}

/** A turn with its calls sorted by who answers them. */
export interface SplitTurn {
  readonly turn: ModelTurn;
  readonly gateway: readonly TurnCall[];
  readonly client: readonly TurnCall[];
}

/** How a turn ended; `turn` is what arrived until then. */
export type TurnEnd =
  | { readonly kind: "finished"; readonly turn: ModelTurn; readonly finishReason: string }
  | { readonly kind: "failed"; readonly turn: ModelTurn; readonly error: GatewayError }
  | { readonly kind: "stopped"; readonly turn: ModelTurn; readonly reason: StopReason };

/** Sorts the calls of a turn by who answers them. */
export function splitTurn(turn: ModelTurn): SplitTurn {
  return {
    turn,
    gateway: turn.calls.filter(({ clientId }) => clientId === null),
    client: turn.calls.filter(({ clientId }) => clientId !== null),
  };
}

/** Names the calls of one turn. */
export interface CallNaming {
  /** The model's id, made unique where the model repeats itself. */
  modelId(id: string): string;
  /** The id under which the client sees its `n`-th call, or null when the call is the gateway's. */
  clientId(name: string, modelId: string, n: number): string | null;
}

/** Follows the gateway's calls while they are written; `TurnCalls` is one. */
export interface CallWatch {
  opened(id: string, name: string): void;
  wrote(id: string, piece: string): void;
  /** The turn's calls are complete and meant. */
  finished(): void;
  /** What the provider must see again of the turn has come: programs that will make calls are among it. */
  details(list: Json): void;
}

/** Finish reasons after which a model's calls are complete and meant to be made. */
export const CALLS_ARE_MEANT: ReadonlySet<string> = new Set([
  "tool_calls",
  "function_call",
  "stop",
]);

/** Where a turn goes while it is read. */
export interface TurnReading {
  readonly answer: ChatAnswer;
  readonly naming: CallNaming;
  readonly watch: CallWatch;
  /** Top-level fields are handed on of the first turn only: the answer is one message of one model. */
  readonly isFirstTurn: boolean;
}

/** Reads `events` to their end or until `stop`. */
export async function readTurn(
  events: AsyncIterable<ModelEvent>,
  reading: TurnReading,
  stop: Stop,
): Promise<TurnEnd> {
  const reader = new TurnReader(reading);
  const iterator = events[Symbol.asyncIterator]();
  for (;;) {
    const next = await stop.race(iterator.next());
    if (!next.ok) {
      leave(iterator);
      return { kind: "stopped", turn: reader.turn(), reason: next.error };
    }
    if (next.value.done === true) break;
    const event = next.value.value;
    if (event.type !== "failed") {
      await reader.take(event);
      continue;
    }
    leave(iterator);
    // A stream that was aborted breaks too; then the stop is the reason.
    const reason = stop.reason();
    return reason === null
      ? { kind: "failed", turn: reader.turn(), error: event.error }
      : { kind: "stopped", turn: reader.turn(), reason };
  }
  const { finishReason } = reader;
  return finishReason === null
    ? { kind: "failed", turn: reader.turn(), error: { code: "upstream_invalid_response" } }
    : { kind: "finished", turn: reader.turn(), finishReason };
}

/** Ends a stream without waiting for it: one that ignores its signal must not hold the run. */
function leave(iterator: AsyncIterator<ModelEvent>): void {
  void iterator.return?.().catch(() => undefined);
}

interface OpenCall {
  readonly call: Omit<TurnCall, "argumentsJson">;
  readonly clientIndex: number;
  readonly pieces: string[];
}

class TurnReader {
  finishReason: string | null = null;
  readonly #reading: TurnReading;
  readonly #text = new TurnText();
  readonly #calls = new Map<number, OpenCall>();
  #clientCalls = 0;
  #usage: JsonObject = {};
  #saved: JsonObject | undefined;
  #degradedTo: string | undefined;

  constructor(reading: TurnReading) {
    this.#reading = reading;
  }

  async take(event: Exclude<ModelEvent, { type: "failed" }>): Promise<void> {
    const { answer, isFirstTurn } = this.#reading;
    switch (event.type) {
      case "delta":
        this.#text.add(event.delta);
        if (event.delta["reasoning_details"] !== undefined)
          this.#reading.watch.details(event.delta["reasoning_details"]);
        return answer.delta(event.delta, event.logprobs);
      case "call":
        return this.#openCall(event);
      case "call_arguments":
        return this.#addArguments(event.index, event.delta);
      case "meta":
        return isFirstTurn ? answer.say(event) : undefined;
      case "degraded":
        this.#degradedTo = event.model;
        return undefined;
      case "usage":
        // A provider that counts while it streams repeats the total: the last one is the turn's.
        this.#usage = event.usage;
        this.#saved = event.saved;
        return undefined;
      case "finish":
        this.finishReason = event.reason;
        if (CALLS_ARE_MEANT.has(event.reason)) this.#reading.watch.finished();
        return undefined;
    }
  }

  turn(): ModelTurn {
    const calls = [...this.#calls.values()].map(({ call, pieces }) => ({
      ...call,
      argumentsJson: pieces.join(""),
    }));
    return {
      text: this.#text.fields(),
      calls,
      usage: this.#usage,
      ...(this.#saved !== undefined && { saved: this.#saved }),
      ...(this.#degradedTo !== undefined && { degradedTo: this.#degradedTo }),
    };
  }

  async #openCall(event: Extract<ModelEvent, { type: "call" }>): Promise<void> {
    const { answer, naming } = this.#reading;
    const { index, name, extra, isCustom } = event;
    const id = naming.modelId(event.id);
    const clientIndex = this.#clientCalls;
    const clientId = naming.clientId(name, id, clientIndex);
    const call = { id, name, clientId, ...(extra && { extra }), ...(isCustom && { isCustom }) };
    this.#calls.set(index, { call, clientIndex, pieces: [] });
    if (clientId === null) {
      this.#reading.watch.opened(id, name);
      return;
    }
    this.#clientCalls += 1;
    await answer.say({
      type: "client_call",
      index: clientIndex,
      id: clientId,
      name,
      ...(isCustom && { isCustom }),
    });
  }

  async #addArguments(index: number, delta: string): Promise<void> {
    const call = this.#calls.get(index);
    if (call === undefined) return;
    call.pieces.push(delta);
    if (call.call.clientId === null) {
      this.#reading.watch.wrote(call.call.id, delta);
      return;
    }
    await this.#reading.answer.say({
      type: "client_call_arguments",
      index: call.clientIndex,
      delta,
    });
  }
}

/** Running text that belongs into the assistant message of the next turn; providers refuse a history without it. */
const TEXT_FIELDS = ["content", "reasoning_content", "reasoning", "refusal"] as const;

/** The same in pieces, as some providers send it. */
const LIST_FIELDS = ["reasoning_details"] as const;

class TurnText {
  readonly #texts = new Map<string, string[]>();
  readonly #lists = new Map<string, Json[]>();

  add(delta: JsonObject): void {
    for (const field of TEXT_FIELDS) {
      const text = delta[field];
      if (typeof text === "string") append(this.#texts, field, [text]);
    }
    for (const field of LIST_FIELDS) {
      const list = delta[field];
      if (list !== undefined && isJsonArray(list)) append(this.#lists, field, list);
    }
  }

  fields(): JsonObject {
    const texts = [...this.#texts].map(([field, pieces]): [string, Json] => [
      field,
      pieces.join(""),
    ]);
    return Object.fromEntries([...texts, ...this.#lists]);
  }
}

function append<T>(lists: Map<string, T[]>, field: string, items: readonly T[]): void {
  const list = lists.get(field);
  if (list === undefined) lists.set(field, [...items]);
  else for (const item of items) list.push(item);
}
