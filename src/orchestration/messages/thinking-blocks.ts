/**
 * Reasoning between the two forms: entries of `reasoning_details` and blocks of thinking.
 *
 * A client of this protocol sends blocks of thinking back as they came, which is what providers want of reasoning they must
 * see again. Anthropic's has a block of its own; that of others travels inside `redacted_thinking`, which no client opens.
 */

import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import type { MessagesTarget } from "./target.ts";

/** `format` of reasoning that is Anthropic's own. */
const ANTHROPIC = "anthropic-claude-v1";

/** Stands before an entry of another provider's inside `redacted_thinking`. */
const CARRIED = "gw1.";

/** What an entry of `reasoning_details` is shown as. */
export type ShownReasoning =
  /** Belongs to the thinking that has just been said. */
  { readonly signature: string } | { readonly data: string };

/** How `detail` is shown. */
export function shownReasoning(detail: Json): ShownReasoning {
  if (isJsonObject(detail) && detail["format"] === ANTHROPIC) {
    const { signature, data } = detail;
    if (typeof signature === "string") return { signature };
    if (typeof data === "string") return { data };
  }
  return { data: CARRIED + JSON.stringify(detail) };
}

/** The entry a block stands for, or null when it is none or the provider it goes to has no use for it. */
export function reasoningDetail(block: JsonObject, target: MessagesTarget): Json | null {
  const { type, thinking, signature, data } = block;
  if (type === "thinking" && typeof signature === "string" && signature !== "") {
    const text = thinking ?? "";
    return target.isMessages
      ? { type: "reasoning.text", text, signature, format: ANTHROPIC }
      : null;
  }
  if (type !== "redacted_thinking" || typeof data !== "string") return null;
  if (data.startsWith(CARRIED))
    return target.isMessages ? null : parseJson(data.slice(CARRIED.length));
  return target.isMessages ? { type: "reasoning.encrypted", data, format: ANTHROPIC } : null;
}

function parseJson(text: string): Json | null {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}
