/**
 * Items that the provider must see again in the next turn, in chat form: entries of `reasoning_details` that carry the
 * item whole. Entries of another provider's format are left out.
 */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { textOf } from "../json-member.ts";

/** Says whose reasoning an entry is. */
const FORMAT = "openai-responses-v1";

/** Items a turn cannot be continued without when nothing is stored at the provider. */
const KEPT_TYPES: ReadonlySet<Json> = new Set(["reasoning", "program", "program_output"]);

/** The entry that carries `item`, or null for an item that need not be kept. */
export function keptDetail(item: JsonObject): Json | null {
  const type = textOf(item["type"]);
  if (!KEPT_TYPES.has(type)) return null;
  // Reasoning that came without its cipher text is known to the provider only by id, and nothing is stored there.
  if (type === "reasoning" && typeof item["encrypted_content"] !== "string") return null;
  return { type: `openai.${type}`, format: FORMAT, item: withoutStatus(item) };
}

/** The items of a message's `reasoning_details`, in their order. */
export function keptItems(details: Json): readonly Json[] {
  if (!isJsonArray(details)) return [];
  return details.flatMap((detail): readonly Json[] => {
    if (!isJsonObject(detail) || detail["format"] !== FORMAT) return [];
    const { item } = detail;
    return isJsonObject(item) && KEPT_TYPES.has(item["type"] ?? null) ? [item] : [];
  });
}

/** A status is what an item has come to; it says nothing about one that is sent in. */
function withoutStatus(item: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(item).filter(([name]) => name !== "status"));
}
