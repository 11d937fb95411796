/**
 * Chat messages as Anthropic has them: the system apart, two roles that take turns, blocks instead of messages for calls
 * and results.
 *
 * Thinking goes back only with the calls it led to, where the provider demands it; elsewhere it would ignore it. Ids of
 * calls that another provider made are rewritten where they have characters this one refuses, the same way in call and
 * result.
 */

import type { Violation } from "../../contract/error.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import { contentBlocks } from "./content-blocks.ts";
import { thinkingBlocks } from "./thinking.ts";
import { parseJson, textOf } from "../json-member.ts";

/** The conversation of one request. */
export interface Conversation {
  readonly system: readonly Json[];
  readonly messages: readonly JsonObject[];
  readonly violations: Violation[];
  /** The turn that the model is about to continue has calls but not the thinking that led to them. */
  readonly lacksThinking: boolean;
}

/** The conversation of a chat request's `messages`. */
export function conversation(given: Json): Conversation {
  const system: Json[] = [];
  const turns: { readonly role: string; readonly content: Json[] }[] = [];
  const violations: Violation[] = [];
  let lacksThinking = false;
  const add = (role: string, blocks: readonly Json[]): void => {
    if (blocks.length === 0) return;
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else turns.push({ role, content: [...blocks] });
  };
  for (const [index, message] of (isJsonArray(given) ? given : []).entries()) {
    if (!isJsonObject(message)) continue;
    const pointer = `/messages/${index}/content`;
    const blocks = contentBlocks(message["content"] ?? null, pointer, violations);
    switch (textOf(message["role"])) {
      case "system":
      case "developer":
        system.push(...blocks);
        break;
      case "assistant": {
        const calls = toolUses(message["tool_calls"] ?? null);
        const thinking =
          calls.length === 0 ? [] : thinkingBlocks(message["reasoning_details"] ?? null);
        lacksThinking = calls.length > 0 && thinking.length === 0;
        add("assistant", [...thinking, ...blocks, ...calls]);
        break;
      }
      case "tool":
        add("user", [toolResult(message, blocks)]);
        break;
      default:
        lacksThinking = false;
        add("user", blocks);
    }
  }
  return { system, messages: turns, violations, lacksThinking };
}

/** `id` with only characters the provider takes. */
function acceptedId(id: Json | undefined): string {
  const text = typeof id === "string" ? id : "";
  return text.replaceAll(/[^a-zA-Z0-9_-]/g, "_");
}

function toolUses(calls: Json): readonly Json[] {
  if (!isJsonArray(calls)) return [];
  return calls.filter(isJsonObject).map((call) => {
    const called = call["function"] ?? call["custom"];
    const described: JsonObject = isJsonObject(called) ? called : {};
    return {
      type: "tool_use",
      id: acceptedId(call["id"]),
      name: described["name"] ?? "",
      input: inputOf(described["arguments"] ?? described["input"] ?? null),
    };
  });
}

/** Arguments as an object; text that is none stays readable for the model. */
function inputOf(text: Json): JsonObject {
  if (isJsonObject(text)) return text;
  if (typeof text !== "string" || text.trim() === "") return {};
  const value = parseJson(text);
  return isJsonObject(value) ? value : { arguments: text };
}

function toolResult(message: JsonObject, blocks: readonly Json[]): JsonObject {
  return {
    type: "tool_result",
    tool_use_id: acceptedId(message["tool_call_id"]),
    ...(blocks.length > 0 && { content: blocks }),
    ...(message["is_error"] === true && { is_error: true }),
  };
}
