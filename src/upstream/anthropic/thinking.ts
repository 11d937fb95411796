/**
 * Thinking in chat form: `reasoning_details`, the words OpenRouter gave it, which clients that know them send back.
 *
 * A thinking block is bound to its signature and must come back byte for byte, so it is carried whole; entries of another
 * provider's format are not this provider's and are left out.
 */

import { isJsonArray, isJsonObject, type Json } from "../../platform/canonical-json.ts";

/** Says whose reasoning an entry is. */
const FORMAT = "anthropic-claude-v1";

/** One block of thinking, as an entry of `reasoning_details`. */
export function thinkingDetail(text: string, signature: string): Json {
  return { type: "reasoning.text", text, signature, format: FORMAT };
}

/** Thinking that the provider has encrypted. */
export function redactedDetail(data: string): Json {
  return { type: "reasoning.encrypted", data, format: FORMAT };
}

/** The blocks of a message's `reasoning_details`, in their order. */
export function thinkingBlocks(details: Json): readonly Json[] {
  if (!isJsonArray(details)) return [];
  return details.flatMap((detail): readonly Json[] => {
    if (!isJsonObject(detail) || detail["format"] !== FORMAT) return [];
    const { text, signature, data } = detail;
    if (typeof data === "string") return [{ type: "redacted_thinking", data }];
    return typeof text === "string" && typeof signature === "string"
      ? [{ type: "thinking", thinking: text, signature }]
      : [];
  });
}
