/** The scene of a conversation in chat form: what people wrote, the calls of the model and what they gave. */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";
import type { PastCall, PastText, Scene } from "./scene.ts";

/** Messages looked back at. */
export const MAX_MESSAGES = 40;

/** Longest result that is parsed, in characters. */
const MAX_RESULT = 64 * 1024;

/** The scene after `messages`. Calls are known by the names the model uses. */
export function conversationScene(messages: readonly JsonObject[]): Scene {
  const recent = messages.slice(-MAX_MESSAGES);
  const results = new Map(
    recent
      .filter(({ role }) => role === "tool")
      .map((message) => [textOf(message["tool_call_id"]), contentOf(message)]),
  );
  return recent.flatMap((message): (PastCall | PastText)[] => {
    if (message["role"] === "user") return [{ kind: "text", text: contentOf(message) }];
    const made = message["tool_calls"];
    if (made === undefined || !isJsonArray(made)) return [];
    return made.filter(isJsonObject).flatMap((call) => pastCall(call, results) ?? []);
  });
}

/** The scene after one more call of the same turn, whose result is not known yet. */
export function withCall(scene: Scene, tool: string, values: JsonObject): Scene {
  return [...scene, { kind: "call", tool, arguments: values, output: null, succeeded: true }];
}

function pastCall(call: JsonObject, results: ReadonlyMap<string, string>): PastCall | null {
  const made = call["function"];
  if (!isJsonObject(made) || typeof made["name"] !== "string") return null;
  const values = parsed(textOf(made["arguments"]));
  if (!isJsonObject(values)) return null;
  const text = results.get(textOf(call["id"])) ?? "";
  const output = text.length > MAX_RESULT ? null : parsed(text);
  const succeeded = !(isJsonObject(output) && "error" in output);
  return { kind: "call", tool: made["name"], arguments: values, output, succeeded };
}

function contentOf({ content }: JsonObject): string {
  if (typeof content === "string") return content;
  if (content === undefined || content === null || !isJsonArray(content)) return "";
  const texts = content.filter(isJsonObject).map((part) => part["text"]);
  return texts.filter((text) => typeof text === "string").join("\n");
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function parsed(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return null;
  }
}
