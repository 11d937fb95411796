/**
 * Chat messages as items of a Responses request, in their order.
 *
 * What the provider must see again of a turn with calls (its encrypted reasoning, the program that made the calls, who
 * called) was kept with the message and stands before the turn's text and calls, as it came.
 */

import type { Violation } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { textOf } from "../json-member.ts";
import { keptItems } from "./kept-items.ts";

/** The items of one request. */
export interface InputItems {
  readonly items: readonly Json[];
  readonly violations: Violation[];
}

/** The items of a chat request's `messages`. */
export function inputItems(given: Json): InputItems {
  const violations: Violation[] = [];
  const customIds = new Set<Json>();
  const items = (isJsonArray(given) ? given : []).flatMap((message, index): readonly Json[] => {
    if (!isJsonObject(message)) return [];
    const content = message["content"] ?? null;
    const pointer = `/messages/${index}/content`;
    switch (textOf(message["role"])) {
      case "assistant": {
        const calls = callItems(message["tool_calls"] ?? null, customIds);
        const kept = calls.length === 0 ? [] : keptItems(message["reasoning_details"] ?? null);
        const text = assistantText(message);
        const said = text === "" ? [] : [{ role: "assistant", content: text }];
        return [...kept, ...said, ...calls];
      }
      case "tool": {
        const { tool_call_id: id = "" } = message;
        const type = customIds.has(id) ? "custom_tool_call_output" : "function_call_output";
        const output = typeof content === "string" ? content : parts(content, pointer, violations);
        return [{ type, call_id: id, output }];
      }
      default: {
        const role = message["role"] ?? "user";
        return [
          {
            role,
            content: typeof content === "string" ? content : parts(content, pointer, violations),
          },
        ];
      }
    }
  });
  return { items, violations };
}

/** What the model said, as one text. */
function assistantText({ content, refusal }: JsonObject): string {
  if (typeof content === "string" && content !== "") return content;
  const pieces = content !== undefined && isJsonArray(content) ? content.filter(isJsonObject) : [];
  const texts = pieces.map(({ text, refusal: refused }) => text ?? refused);
  const joined = texts.filter((text) => typeof text === "string").join("");
  return joined === "" && typeof refusal === "string" ? refusal : joined;
}

function callItems(calls: Json, customIds: Set<Json>): readonly Json[] {
  if (!isJsonArray(calls)) return [];
  return calls.filter(isJsonObject).map((call) => {
    const { id = "", function: called, custom, responses_item: extra } = call;
    if (isJsonObject(custom)) {
      customIds.add(id);
      const { name = "", input = "" } = custom;
      return { type: "custom_tool_call", call_id: id, name, input };
    }
    const { name = "", arguments: text = "" }: JsonObject = isJsonObject(called) ? called : {};
    return {
      type: "function_call",
      call_id: id,
      name,
      arguments: text,
      ...(isJsonObject(extra) && extra),
    };
  });
}

function parts(content: Json, pointer: string, violations: Violation[]): readonly Json[] {
  if (!isJsonArray(content)) return [];
  return content.flatMap((part, index): readonly Json[] => {
    const item = isJsonObject(part) ? partOf(part) : null;
    if (item !== null) return [item];
    violations.push({
      pointer: `${pointer}/${index}`,
      message: "This model's provider takes text, images and files.",
    });
    return [];
  });
}

function partOf(part: JsonObject): JsonObject | null {
  switch (textOf(part["type"])) {
    case "text":
      return { type: "input_text", text: part["text"] ?? "" };
    case "image_url": {
      const image = part["image_url"];
      const { url = "", detail = "auto" }: JsonObject = isJsonObject(image) ? image : {};
      return { type: "input_image", image_url: url, detail };
    }
    case "file":
      return isJsonObject(part["file"]) ? { type: "input_file", ...part["file"] } : null;
    // The provider's own parts, from a client that knows whom it talks to.
    case "input_text":
    case "input_image":
    case "input_file":
      return part;
    default:
      return null;
  }
}
