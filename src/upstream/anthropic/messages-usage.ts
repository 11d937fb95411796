/**
 * Usage of the Messages API in OpenAI's words. Anthropic counts tokens read from and written to its cache beside the
 * input; OpenAI counts cached tokens inside it.
 */

import { isJsonObject, type JsonObject } from "../../platform/canonical-json.ts";
import { countOf } from "../json-member.ts";

/** `usage` of a message as a chat completion's. */
export function messagesUsage(usage: JsonObject): JsonObject {
  const cached = countOf(usage["cache_read_input_tokens"]);
  const written = countOf(usage["cache_creation_input_tokens"]);
  const prompt = countOf(usage["input_tokens"]) + cached + written;
  const completion = countOf(usage["output_tokens"]);
  const details = usage["output_tokens_details"];
  const thinking = isJsonObject(details) ? countOf(details["thinking_tokens"]) : 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached, cache_creation_tokens: written },
    ...(thinking > 0 && { completion_tokens_details: { reasoning_tokens: thinking } }),
  };
}
