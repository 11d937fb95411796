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
import { type AssemblerOptions, CallAssembler } from "./call-assembler.ts";
import { rejectedInStream } from "./rejection.ts";
import { createSseParser, type ServerSentEvent } from "./sse-parser.ts";

/** One event of a stream. */
const MAX_EVENT_CHARS = 4 * 1024 * 1024;

/** One answer that is not streamed. */
export const MAX_ANSWER_CHARS = 16 * 1024 * 1024;

/** Longest finish reason handed on. */
const MAX_REASON_LENGTH = 64;

/** Top-level fields handed on as `meta`. */
const META_FIELDS = ["model", "system_fingerprint", "service_tier"];

/** What the parser may be told about the request; both make it more exact, neither is needed. */
export type ParserOptions = Partial<AssemblerOptions>;

/** A parser of one streamed answer. After a `failed` event, and after `end`, it gives nothing more. */
export interface ChatStreamParser {
  /** The finish reason has come; what may still follow is usage. */
  readonly finishSeen: boolean;
  /** The answer is complete: the stream said `[DONE]`, or it failed. */
  readonly done: boolean;
  push(bytes: Uint8Array): readonly ModelEvent[];
  /** Call once, when the stream has ended or was cut. */
  end(): readonly ModelEvent[];
}

/** A parser of one streamed answer. */
export function createChatStreamParser(options: ParserOptions = {}): ChatStreamParser {
  const sse = createSseParser(MAX_EVENT_CHARS);
  const answer = new AnswerReader(options);

  let ending = false;
  const read = (event: ServerSentEvent): readonly ModelEvent[] => {
    const data = event.data.trim();
    if (data === "") return [];
    if (data === "[DONE]") return answer.complete(true);
    const chunk = parseJson(data);
    if (chunk !== undefined) return answer.chunk(chunk, "delta");
    // Half an event at the end of a finished answer is nothing anybody waits for.
    return ending && answer.finishSeen ? [] : answer.invalid();
  };

  return {
    get finishSeen() {
      return answer.finishSeen;
    },
    get done() {
      return answer.done;
    },
    push(bytes) {
      if (answer.done) return [];
      const events = sse.push(bytes);
      return events.ok ? events.value.flatMap(read) : answer.invalid();
    },
    end() {
      ending = true;
      const rest = sse.end();
      return [...(rest.ok ? rest.value.flatMap(read) : []), ...answer.complete(false)];
    },
  };
}

/** A parser of one answer that is not streamed: everything comes from `end`. */
export function createChatAnswerParser(options: ParserOptions = {}): ChatStreamParser {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const invalid: readonly ModelEvent[] = [
    { type: "failed", error: { code: "upstream_invalid_response" } },
  ];
  let text = "";
  let done = false;
  const take = (decode: () => string): readonly ModelEvent[] => {
    try {
      text += decode();
    } catch {
      done = true;
    }
    done ||= text.length > MAX_ANSWER_CHARS;
    return done ? invalid : [];
  };
  return {
    finishSeen: false,
    get done() {
      return done;
    },
    push: (bytes) => (done ? [] : take(() => decoder.decode(bytes, { stream: true }))),
    end() {
      if (done) return [];
      const broken = take(() => decoder.decode());
      done = true;
      return broken.length > 0 ? broken : parseChatCompletion(parseJson(text), options);
    },
  };
}

/** The events of a whole answer. */
export function parseChatCompletion(
  json: unknown,
  options: ParserOptions = {},
): readonly ModelEvent[] {
  const answer = new AnswerReader(options);
  return [...answer.chunk(json, "message"), ...answer.complete(true)];
}

/** Reads chunks into events and remembers what must come last. */
class AnswerReader {
  readonly #calls: CallAssembler;
  readonly #meta = new Map<string, Json>();
  #choiceSeen = false;
  #reason: string | null = null;
  #usage: JsonObject | null = null;
  #done = false;

  constructor(options: ParserOptions) {
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

  /** One parsed chunk; `expected` is where this kind of answer keeps its content. */
  chunk(chunk: unknown, expected: "delta" | "message"): readonly ModelEvent[] {
    if (this.#done) return [];
    if (!isJsonObject(chunk)) return this.invalid();
    const error = rejectedInStream(chunk);
    if (error !== null) return this.#fail(error);
    const usage = chunk["usage"];
    if (isJsonObject(usage)) this.#usage = usage;
    const events = this.#readMeta(chunk);
    const choice = firstChoice(chunk["choices"]);
    if (choice === null) return events;
    this.#choiceSeen = true;
    const read = this.#readChoice(choice, expected);
    return read === null ? [...events, ...this.invalid()] : [...events, ...read];
  }

  /** The last events; `orderly` is true when the upstream itself said that the answer is complete. */
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

  /** Ends the answer because it is not in the format. */
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
