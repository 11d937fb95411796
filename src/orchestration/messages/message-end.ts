/** How a run ended and what it used, in the words of the Messages API. */

import type { StoppedBy } from "../../contract/chat.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";

const STOP_REASONS: Readonly<Record<string, string>> = {
  stop: "end_turn",
  tool_calls: "tool_use",
  function_call: "tool_use",
  length: "max_tokens",
  content_filter: "refusal",
};

/**
 * Why the message ended. A limit of the gateway's is a pause: the client may send the message back as it is, and the run
 * goes on from there.
 */
export function stopReason(finishReason: string, stoppedBy: StoppedBy | undefined): string {
  return stoppedBy === undefined ? (STOP_REASONS[finishReason] ?? "end_turn") : "pause_turn";
}

/** Usage of a chat completion as Anthropic counts it: tokens of its cache beside the input, not in it. */
export function answerUsage(usage: JsonObject): JsonObject {
  const details = usage["prompt_tokens_details"];
  const { cached_tokens, cache_creation_tokens }: JsonObject = isJsonObject(details) ? details : {};
  const read = countOf(cached_tokens);
  const written = countOf(cache_creation_tokens);
  return {
    input_tokens: Math.max(0, countOf(usage["prompt_tokens"]) - read - written),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    output_tokens: countOf(usage["completion_tokens"]),
  };
}

function countOf(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}
