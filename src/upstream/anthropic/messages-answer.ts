/**
 * Answers of Anthropic's Messages API, streamed or whole, as `ModelEvent`s.
 *
 * A whole answer is read as the stream it would have been. Blocks of tools that the provider ran itself are passed over:
 * their text and usage count, and calls that such a tool has answered already are not asked of anybody again.
 */

import type { ModelEvent } from "../../contract/chat.ts";
import type { GatewayError } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { newId } from "../../platform/id.ts";
import {
  type AnswerParser,
  type AnswerReader,
  createStreamParser,
  createWholeParser,
  type ParserOptions,
} from "../answer-parser.ts";
import { MAX_ARGUMENT_BYTES, MAX_CALLS } from "../call-assembler.ts";
import { rejectedInStream } from "../rejection.ts";
import { messagesUsage } from "./messages-usage.ts";
import { redactedDetail, thinkingDetail } from "./thinking.ts";
import { textOf } from "../json-member.ts";

/** A parser of one answer. */
export function createMessagesParser(isStream: boolean, options: ParserOptions = {}): AnswerParser {
  const reader = new MessagesReader(options);
  return isStream ? createStreamParser(reader) : createWholeParser(reader);
}

/** Finish reasons in OpenAI's words; a pause of the provider's own tools has none and ends the answer. */
const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  pause_turn: "stop",
  tool_use: "tool_calls",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "content_filter",
};

/** One block while it is read. */
interface Block {
  readonly type: string;
  /** What the block began with, for what only a whole answer has. */
  readonly start: JsonObject;
  /** The call's outgoing index, null for other blocks. */
  readonly index: number | null;
  text: string;
  signature: string;
}

class MessagesReader implements AnswerReader {
  readonly #newCallId: () => string;
  readonly #blocks = new Map<number, Block>();
  readonly #answered = new Set<string>();
  #isBegun = false;
  #calls = 0;
  #hasText = false;
  #isTextOpen = false;
  #stopReason: string | null = null;
  #usage: JsonObject = {};
  #done = false;

  constructor(options: ParserOptions) {
    this.#newCallId = options.newCallId ?? (() => newId("call"));
  }

  get done(): boolean {
    return this.#done;
  }

  get finishSeen(): boolean {
    return this.#stopReason !== null;
  }

  event(json: unknown): readonly ModelEvent[] {
    if (this.#done) return [];
    if (!isJsonObject(json)) return this.invalid();
    const index = typeof json["index"] === "number" ? json["index"] : 0;
    switch (textOf(json["type"])) {
      case "message_start":
        return this.#begin(json["message"] ?? null);
      case "content_block_start":
        return this.#open(index, json["content_block"] ?? null);
      case "content_block_delta":
        return this.#extend(index, json["delta"] ?? null);
      case "content_block_stop":
        return this.#close(index);
      case "message_delta":
        this.#addUsage(json["usage"]);
        this.#readStop(json["delta"] ?? null);
        return [];
      case "message_stop":
        return this.complete(true);
      default: {
        // Pings, and whatever is added to the protocol later; an error has its own envelope.
        const error = rejectedInStream(json);
        return error === null ? [] : this.#fail(error);
      }
    }
  }

  whole(json: unknown): readonly ModelEvent[] {
    if (!isJsonObject(json)) return this.invalid();
    const error = rejectedInStream(json);
    if (error !== null) return this.#fail(error);
    const { content } = json;
    if (json["type"] !== "message" || content === undefined || !isJsonArray(content))
      return this.invalid();
    for (const block of content) this.#noteAnswered(block);
    const events = [...this.#begin(json)];
    for (const [index, block] of content.entries()) {
      events.push(...this.#open(index, block), ...this.#close(index));
    }
    this.#readStop(json);
    return this.#done ? events : [...events, ...this.complete(true)];
  }

  complete(orderly: boolean): readonly ModelEvent[] {
    if (this.#done) return [];
    if (!this.#isBegun || (!orderly && this.#stopReason === null)) return this.invalid();
    const closed = [...this.#blocks.keys()].flatMap((index) => this.#close(index));
    if (this.#done) return closed;
    this.#done = true;
    const given = this.#stopReason ?? (this.#calls > 0 ? "tool_use" : "end_turn");
    const reason = FINISH_REASONS[given] ?? "stop";
    return [
      ...closed,
      { type: "usage", usage: messagesUsage(this.#usage) },
      { type: "finish", reason },
    ];
  }

  invalid(): readonly ModelEvent[] {
    return this.#fail({ code: "upstream_invalid_response" });
  }

  #fail(error: GatewayError): readonly ModelEvent[] {
    if (this.#done) return [];
    this.#done = true;
    return [{ type: "failed", error }];
  }

  #begin(message: Json): readonly ModelEvent[] {
    if (!isJsonObject(message)) return this.invalid();
    this.#isBegun = true;
    this.#addUsage(message["usage"]);
    const { model } = message;
    return typeof model === "string" && model !== "" ? [{ type: "meta", meta: { model } }] : [];
  }

  #addUsage(usage: Json | undefined): void {
    // Totals so far, of which an event may leave out what has not changed.
    if (isJsonObject(usage)) this.#usage = { ...this.#usage, ...usage };
  }

  #readStop(delta: Json): void {
    const reason = isJsonObject(delta) ? delta["stop_reason"] : null;
    if (typeof reason === "string" && reason !== "") this.#stopReason = reason;
  }

  #open(index: number, start: Json): readonly ModelEvent[] {
    if (!isJsonObject(start) || !this.#isBegun || this.#blocks.has(index)) return this.invalid();
    const type = textOf(start["type"]);
    const isCall = type === "tool_use" && !this.#answered.has(callerOf(start));
    if (isCall && this.#calls === MAX_CALLS) return this.invalid();
    const block: Block = {
      type: isCall || type !== "tool_use" ? type : "answered",
      start,
      index: isCall ? this.#calls : null,
      text: "",
      signature: "",
    };
    this.#blocks.set(index, block);
    if (type === "text") return this.#say(block, textOf(start["text"]));
    if (type === "thinking") {
      block.signature = textOf(start["signature"]);
      return think(block, textOf(start["thinking"]));
    }
    if (type === "redacted_thinking")
      return [
        { type: "delta", delta: { reasoning_details: [redactedDetail(textOf(start["data"]))] } },
      ];
    return isCall ? this.#openCall(start) : [];
  }

  #openCall(start: JsonObject): readonly ModelEvent[] {
    const name = textOf(start["name"]);
    if (name === "") return this.invalid();
    const index = this.#calls;
    this.#calls += 1;
    return [{ type: "call", index, id: textOf(start["id"]) || this.#newCallId(), name }];
  }

  #extend(index: number, delta: Json): readonly ModelEvent[] {
    const block = this.#blocks.get(index);
    if (block === undefined || !isJsonObject(delta)) return this.invalid();
    switch (textOf(delta["type"])) {
      case "text_delta":
        return this.#say(block, textOf(delta["text"]));
      case "thinking_delta":
        return think(block, textOf(delta["thinking"]));
      case "signature_delta":
        block.signature += textOf(delta["signature"]);
        return [];
      case "input_json_delta":
        return this.#addInput(block, textOf(delta["partial_json"]));
      default:
        return [];
    }
  }

  /** Texts of two blocks are paragraphs when something else stood between them. */
  #say(block: Block, text: string): readonly ModelEvent[] {
    if (text === "") return [];
    const isContinued = this.#isTextOpen || !this.#hasText || block.text !== "";
    this.#isTextOpen = true;
    this.#hasText = true;
    block.text += text;
    return [{ type: "delta", delta: { content: isContinued ? text : `\n\n${text}` } }];
  }

  #addInput(block: Block, piece: string): readonly ModelEvent[] {
    if (piece === "" || block.index === null) return [];
    block.text += piece;
    if (block.text.length > MAX_ARGUMENT_BYTES) return this.invalid();
    return [{ type: "call_arguments", index: block.index, delta: piece }];
  }

  #close(index: number): readonly ModelEvent[] {
    const block = this.#blocks.get(index);
    if (block === undefined || this.#done) return [];
    this.#blocks.delete(index);
    if (block.type !== "text") this.#isTextOpen = false;
    if (block.type === "thinking") {
      const detail = thinkingDetail(block.text, block.signature);
      return [{ type: "delta", delta: { reasoning_details: [detail] } }];
    }
    if (block.index === null || block.text !== "") return [];
    // A call without deltas has its input in its beginning: a whole answer, and some proxies.
    return this.#addInput(block, JSON.stringify(block.start["input"] ?? {}));
  }

  /** A tool of the provider's own that has its result: what it called is answered. */
  #noteAnswered(block: Json): void {
    if (!isJsonObject(block) || !textOf(block["type"]).endsWith("_tool_result")) return;
    const id = textOf(block["tool_use_id"]);
    if (id !== "") this.#answered.add(id);
  }
}

function think(block: Block, text: string): readonly ModelEvent[] {
  if (text === "") return [];
  block.text += text;
  return [{ type: "delta", delta: { reasoning_content: text } }];
}

/** The provider's own tool that made this call, empty for the model itself. */
function callerOf(start: JsonObject): string {
  const { caller } = start;
  return isJsonObject(caller) ? textOf(caller["tool_id"]) : "";
}
