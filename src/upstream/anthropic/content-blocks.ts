/** The content of one chat message as Anthropic's blocks: text, images and documents. Other parts are refused. */

import type { Violation } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { textOf } from "../json-member.ts";

/** The blocks of `content`; what has no block is added to `violations` under `pointer`. Empty text gives none. */
export function contentBlocks(
  content: Json,
  pointer: string,
  violations: Violation[],
): readonly Json[] {
  // The provider refuses empty text.
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  if (!isJsonArray(content)) return [];
  return content.flatMap((part, index): readonly Json[] => {
    const block = isJsonObject(part) ? blockOf(part) : null;
    if (block === "none") return [];
    if (block !== null) return [block];
    violations.push({
      pointer: `${pointer}/${index}`,
      message: "This model's provider takes text, images and PDF files.",
    });
    return [];
  });
}

/** The block of one part, "none" for a part that says nothing, null for one without a counterpart. */
function blockOf(part: JsonObject): JsonObject | "none" | null {
  const cached = isJsonObject(part["cache_control"]) && { cache_control: part["cache_control"] };
  switch (textOf(part["type"])) {
    case "text":
      return part["text"] === "" ? "none" : { type: "text", text: part["text"] ?? "", ...cached };
    case "refusal":
      return { type: "text", text: part["refusal"] ?? "" };
    case "image_url": {
      const source = sourceOf(memberOf(part["image_url"], "url"));
      return source === null ? null : { type: "image", source, ...cached };
    }
    case "file": {
      const source = sourceOf(memberOf(part["file"], "file_data"));
      return source === null ? null : { type: "document", source, ...cached };
    }
    // The provider's own blocks, from a client that knows whom it talks to.
    case "image":
    case "document":
      return part;
    default:
      return null;
  }
}

function memberOf(value: Json | undefined, name: string): Json {
  if (typeof value === "string") return value;
  return isJsonObject(value) ? (value[name] ?? null) : null;
}

function sourceOf(url: Json): JsonObject | null {
  if (typeof url !== "string") return null;
  const data = /^data:([\w.+/-]+);base64,/.exec(url.slice(0, 128));
  if (data !== null) {
    return { type: "base64", media_type: data[1] ?? "", data: url.slice(data[0].length) };
  }
  return /^https?:\/\//.test(url) ? { type: "url", url } : null;
}
