/** The content of one Messages block list as parts of a chat message: text, images and documents. */

import type { Violation } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import type { MessagesTarget } from "./target.ts";

/** The parts of `content`; blocks that are not content (calls, results, thinking) are passed over. */
export function chatContent(
  content: Json,
  pointer: string,
  target: MessagesTarget,
  violations: Violation[],
): readonly JsonObject[] {
  if (typeof content === "string") return content === "" ? [] : [{ type: "text", text: content }];
  const blocks = isJsonArray(content) ? content : [];
  return blocks.flatMap((block, index): readonly JsonObject[] => {
    if (!isJsonObject(block)) return [];
    const part = partOf(block);
    if (part === "none") return [];
    if (part === null) {
      const message = "This kind of content is not understood here.";
      violations.push({ pointer: `${pointer}/${index}`, message });
      return [];
    }
    const cached = block["cache_control"];
    return [target.isMessages && isJsonObject(cached) ? { ...part, cache_control: cached } : part];
  });
}

/** All text of `parts` as one, or null when there is more than text. */
export function plainText(parts: readonly JsonObject[]): string | null {
  const texts = parts.map(({ type, text }) => (type === "text" ? text : null));
  return texts.every((text) => typeof text === "string") ? texts.join("\n") : null;
}

/** Blocks that say something else than content; they are read elsewhere, or mean nothing to another provider. */
const NOT_CONTENT =
  /^(tool_use|tool_result|thinking|redacted_thinking|server_tool_use|mcp_tool_use|[a-z_]+_tool_result|container_upload|compaction)$/;

function partOf(block: JsonObject): JsonObject | "none" | null {
  const type = typeof block["type"] === "string" ? block["type"] : "";
  switch (type) {
    case "text":
      return block["text"] === "" ? "none" : { type: "text", text: block["text"] ?? "" };
    case "image": {
      const url = urlOf(block["source"]);
      return url === null ? null : { type: "image_url", image_url: { url } };
    }
    case "document":
      return documentOf(block);
    case "search_result":
      return { type: "text", text: JSON.stringify(block["content"] ?? "") };
    default:
      return NOT_CONTENT.test(type) ? "none" : null;
  }
}

function documentOf(block: JsonObject): JsonObject | null {
  const { source, title } = block;
  const kind = isJsonObject(source) ? source["type"] : null;
  const data = isJsonObject(source) ? source["data"] : null;
  if (kind === "text" && typeof data === "string") return { type: "text", text: data };
  const url = urlOf(source);
  const filename = typeof title === "string" ? title : "document.pdf";
  return url === null ? null : { type: "file", file: { filename, file_data: url } };
}

function urlOf(source: Json | undefined): string | null {
  if (!isJsonObject(source)) return null;
  const { type, media_type, data, url } = source;
  if (type === "base64" && typeof media_type === "string" && typeof data === "string")
    return `data:${media_type};base64,${data}`;
  return type === "url" && typeof url === "string" ? url : null;
}
