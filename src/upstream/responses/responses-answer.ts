/**
 * Answers of OpenAI's Responses API and of those who speak Open Responses, streamed or whole, as `ModelEvent`s.
 *
 * Deltas are handed on as they come, and every `done` is compared with them, so a lost delta is made good or ends the
 * answer, never changes a call. Items of tools that the provider ran itself (web search, MCP, tool search) are passed
 * over: their text and usage count.
 */

import type { ModelEvent } from "../../contract/chat.ts";
import type { GatewayError } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import {
  type AnswerParser,
  type AnswerReader,
  createStreamParser,
  createWholeParser,
  type ParserOptions,
} from "../answer-parser.ts";
import { rejectedInStream } from "../rejection.ts";
import { OutputItems } from "./output-items.ts";
import { countOf, textOf } from "../json-member.ts";

/** A parser of one answer. */
export function createResponsesParser(
  isStream: boolean,
  options: ParserOptions = {},
): AnswerParser {
  const reader = new ResponsesReader(options);
  return isStream ? createStreamParser(reader) : createWholeParser(reader);
}

/** Top-level fields handed on as `meta`. */
const META_FIELDS = ["model", "service_tier"] as const;

class ResponsesReader implements AnswerReader {
  readonly #items: OutputItems;
  #done = false;

  constructor(options: ParserOptions) {
    this.#items = new OutputItems(options);
  }

  get done(): boolean {
    return this.#done;
  }

  /** The event that ends the answer brings its usage along, so nothing is ever waited for after it. */
  get finishSeen(): boolean {
    return this.#done;
  }

  event(json: unknown): readonly ModelEvent[] {
    if (this.#done) return [];
    if (!isJsonObject(json)) return this.invalid();
    const type = textOf(json["type"]);
    switch (type) {
      case "response.created":
        return this.#begin(json["response"] ?? null);
      case "response.completed":
      case "response.incomplete":
        return this.#end(json["response"] ?? null);
      case "response.failed": {
        const { response } = json;
        return this.#fail(rejectedInStream(response) ?? { code: "upstream_invalid_response" });
      }
      case "error":
        return this.#fail(rejectedInStream(isJsonObject(json["error"]) ? json : { error: json }));
      default:
        return this.#orInvalid(this.#items.take(type, json));
    }
  }

  whole(json: unknown): readonly ModelEvent[] {
    if (!isJsonObject(json)) return this.invalid();
    const error = rejectedInStream(json);
    if (error !== null) return this.#fail(error);
    const begun = this.#begin(json);
    return this.#done ? begun : [...begun, ...this.#end(json)];
  }

  /** Only the provider's own last event completes an answer; `[DONE]` or an end without it is a cut. */
  complete(): readonly ModelEvent[] {
    return this.invalid();
  }

  invalid(): readonly ModelEvent[] {
    return this.#fail({ code: "upstream_invalid_response" });
  }

  #fail(error: GatewayError | null): readonly ModelEvent[] {
    if (this.#done) return [];
    this.#done = true;
    return [{ type: "failed", error: error ?? { code: "upstream_invalid_response" } }];
  }

  #orInvalid(events: readonly ModelEvent[] | null): readonly ModelEvent[] {
    return events ?? this.invalid();
  }

  #begin(response: Json): readonly ModelEvent[] {
    if (!isJsonObject(response)) return [];
    const fields = META_FIELDS.flatMap((name) => {
      const value = response[name];
      return typeof value === "string" && value !== "" ? [[name, value]] : [];
    });
    return fields.length === 0 ? [] : [{ type: "meta", meta: Object.fromEntries(fields) }];
  }

  #end(response: Json): readonly ModelEvent[] {
    if (!isJsonObject(response)) return this.invalid();
    const { output, usage, incomplete_details: incomplete } = response;
    const rest = this.#items.end(output !== undefined && isJsonArray(output) ? output : []);
    if (rest === null) return this.invalid();
    this.#done = true;
    const cause = isJsonObject(incomplete) ? incomplete["reason"] : null;
    const reason = finishReason(cause ?? null, this.#items.hasCalls);
    return [
      ...rest,
      ...(isJsonObject(usage) ? [chatUsage(usage)] : []),
      { type: "finish", reason },
    ];
  }
}

function finishReason(cause: Json, hasCalls: boolean): string {
  if (cause === null) return hasCalls ? "tool_calls" : "stop";
  return cause === "content_filter" ? cause : "length";
}

/** The same counts under a chat completion's names. */
function chatUsage(usage: JsonObject): ModelEvent {
  const { input_tokens, output_tokens, total_tokens, input_tokens_details, output_tokens_details } =
    usage;
  const input = countOf(input_tokens);
  const output = countOf(output_tokens);
  return {
    type: "usage",
    usage: {
      prompt_tokens: input,
      completion_tokens: output,
      total_tokens: typeof total_tokens === "number" ? total_tokens : input + output,
      ...(isJsonObject(input_tokens_details) && { prompt_tokens_details: input_tokens_details }),
      ...(isJsonObject(output_tokens_details) && {
        completion_tokens_details: output_tokens_details,
      }),
    },
  };
}
