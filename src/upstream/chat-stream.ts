/**
 * OpenAI-compatible answers, streamed or whole, as `ModelEvent`s.
 *
 * One reader serves both, so a provider's quirk is handled once. `usage` and `finish` come last and once, because
 * providers put usage before, in or after the chunk that names the finish reason. Whatever breaks the format ends in one
 * `failed` event, and nothing follows it.
 */

import type { ModelEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../platform/canonical-json.ts";
import { newId } from "../platform/id.ts";
import {
  type AnswerParser,
  type AnswerReader,
  createStreamParser,
  createWholeParser,
  type ParserOptions,
} from "./answer-parser.ts";
import { CallAssembler } from "./call-assembler.ts";
import { rejectedInStream } from "./rejection.ts";

/** Longest finish reason handed on. */
const MAX_REASON_LENGTH = 64;

/** Top-level fields handed on as `meta`. */
const META_FIELDS = ["model", "system_fingerprint", "service_tier"];

/** What a provider that is nearly compatible needs besides. */
export interface ChatOptions extends ParserOptions {
  /** Brings a chunk of another format into OpenAI's; the default leaves it as it is. */
  readonly asChunk?: (chunk: JsonObject) => JsonObject;
}

/** A parser of one streamed answer. */
export function createChatStreamParser(options: ChatOptions = {}): AnswerParser {
  return createStreamParser(new ChatReader(options));
}

/** A parser of one answer that is not streamed. */
export function createChatAnswerParser(options: ChatOptions = {}): AnswerParser {
  return createWholeParser(new ChatReader(options));
}

/** Reads chunks into events and remembers what must come last. */
class ChatReader implements AnswerReader {
  readonly #asChunk: (chunk: JsonObject) => JsonObject;
  readonly #calls: CallAssembler;
  readonly #meta = new Map<string, Json>();
  #choiceSeen = false;
  #reason: string | null = null;
  #usage: JsonObject | null = null;
  #done = false;

  constructor(options: ChatOptions) {
    this.#asChunk = options.asChunk ?? ((chunk) => chunk);
    this.#calls = new CallAssembler({
      toolNames: options.toolNames ?? new Set(),
      newCallId: options.newCallId ?? (() => newId("call")),
    });
  }

  get done(): boolean {
    return this.#done;
  }

  get finishSeen(): boolean {
    return this.#reason !== null;
  }

  event(json: unknown): readonly ModelEvent[] {
    return this.#chunk(json, "delta");
  }

  whole(json: unknown): readonly ModelEvent[] {
    return [...this.#chunk(json, "message"), ...this.complete(true)];
  }

  /** One parsed chunk; `expected` is where this kind of answer keeps its content. */
  #chunk(json: unknown, expected: "delta" | "message"): readonly ModelEvent[] {
    if (this.#done) return [];
    if (!isJsonObject(json)) return this.invalid();
    const error = rejectedInStream(json);
    if (error !== null) return this.#fail(error);
    const chunk = this.#asChunk(json);
    const usage = chunk["usage"];
    if (isJsonObject(usage)) this.#usage = usage;
    const events = this.#readMeta(chunk);
    const choice = firstChoice(chunk["choices"]);
    if (choice === null) return events;
    this.#choiceSeen = true;
    const read = this.#readChoice(choice, expected);
    return read === null ? [...events, ...this.invalid()] : [...events, ...read];
  }

  complete(orderly: boolean): readonly ModelEvent[] {
    if (this.#done) return [];
    if (!this.#choiceSeen || (!orderly && this.#reason === null)) return this.invalid();
    const calls = this.#calls.end();
    if (!calls.ok) return this.invalid();
    this.#done = true;
    const usage: readonly ModelEvent[] =
      this.#usage === null ? [] : [{ type: "usage", usage: this.#usage }];
    const reason = this.#reason ?? (this.#calls.hasCalls ? "tool_calls" : "stop");
    return [...calls.value, ...usage, { type: "finish", reason }];
  }

  invalid(): readonly ModelEvent[] {
    return this.#fail({ code: "upstream_invalid_response" });
  }

  #fail(error: GatewayError): readonly ModelEvent[] {
    if (this.#done) return [];
    this.#done = true;
    return [{ type: "failed", error }];
  }

  #readMeta(chunk: JsonObject): ModelEvent[] {
    const fresh: Record<string, Json> = {};
    for (const field of META_FIELDS) {
      const value = chunk[field];
      if (typeof value !== "string" || value === "" || this.#meta.get(field) === value) continue;
      this.#meta.set(field, value);
      fresh[field] = value;
    }
    return Object.keys(fresh).length === 0 ? [] : [{ type: "meta", meta: fresh }];
  }

  #readChoice(choice: JsonObject, expected: "delta" | "message"): readonly ModelEvent[] | null {
    const where = isJsonObject(choice[expected]) ? expected : otherOf(expected);
    const content = choice[where];
    const fields: JsonObject = isJsonObject(content) ? content : {};
    const events = readDelta(fields, choice["logprobs"]);
    const entries = fields["tool_calls"] ?? null;
    if (entries !== null) {
      const calls = isJsonArray(entries) ? this.#calls.add(entries, where === "message") : null;
      if (calls === null || !calls.ok) return null;
      events.push(...calls.value);
    }
    const reason = choice["finish_reason"];
    if (typeof reason === "string" && reason !== "")
      this.#reason = reason.slice(0, MAX_REASON_LENGTH);
    return events;
  }
}

/** The first choice; the gateway never asks for more than one. */
function firstChoice(choices: Json | undefined): JsonObject | null {
  if (choices === undefined || !isJsonArray(choices)) return null;
  return choices.filter(isJsonObject).find((choice) => (choice["index"] ?? 0) === 0) ?? null;
}

/** The delta without what has its own event, and without fields that say nothing. */
function readDelta(fields: JsonObject, logprobs: Json | undefined): ModelEvent[] {
  const delta: Record<string, Json> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (
      name === "role" ||
      name === "tool_calls" ||
      name === "index" ||
      value === null ||
      value === ""
    )
      continue;
    if (name !== "reasoning") delta[name] = value;
    // OpenRouter and others call it `reasoning`; some send the same text under both names.
    else if (typeof value === "string") delta["reasoning_content"] ??= value;
  }
  const scored = logprobs !== undefined && logprobs !== null;
  if (!scored) return Object.keys(delta).length === 0 ? [] : [{ type: "delta", delta }];
  // Scores of a token without text still belong to a token.
  return [
    { type: "delta", delta: Object.keys(delta).length === 0 ? { content: "" } : delta, logprobs },
  ];
}

function otherOf(expected: "delta" | "message"): "delta" | "message" {
  return expected === "delta" ? "message" : "delta";
}
