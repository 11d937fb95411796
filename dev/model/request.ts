/**
 * What the scripted model reads of an OpenAI chat request. Parsing is forgiving, as a provider's is: what is missing gets
 * its default. Only a request without messages is refused.
 */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseJson,
  textOf,
  type UnknownObject,
} from "../http/json.ts";

/** One message. */
export interface ModelMessage {
  readonly role: string;
  readonly text: string;
  /** Names of the calls of an assistant message. */
  readonly calls: readonly { readonly id: string; readonly name: string }[];
  /** The call a tool message answers. */
  readonly callId: string | null;
}

/** One function tool. */
export interface ModelTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: UnknownObject;
}

/** A chat request as far as the scripted model cares. */
export interface ModelRequest {
  readonly model: string;
  readonly messages: readonly ModelMessage[];
  readonly tools: readonly ModelTool[];
  readonly toolChoice: "auto" | "none" | "required" | { readonly name: string };
  readonly parallel: boolean;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly n: number;
  readonly maxTokens: number | null;
  /** Null: plain text. Otherwise the text must be JSON, following `schema` when there is one. */
  readonly json: { readonly schema: UnknownObject | null } | null;
  /** Estimated, four characters a token. */
  readonly promptTokens: number;
}

/** Most choices a request gets. */
const MAX_CHOICES = 8;

/** Reads a request body; null when it is not a chat request. */
export function readModelRequest(body: string): ModelRequest | null {
  const value = parseJson(body);
  if (!isObject(value)) return null;
  const messages = listOf(value, "messages").filter(isObject).map(readMessage);
  if (messages.length === 0) return null;
  const tools = listOf(value, "tools")
    .filter(isObject)
    .map(readTool)
    .filter((tool) => tool.name !== "");
  return {
    model: textOf(value, "model") ?? "scripted-1",
    messages,
    tools,
    toolChoice: readToolChoice(value["tool_choice"]),
    parallel: value["parallel_tool_calls"] !== false,
    stream: value["stream"] === true,
    includeUsage: objectOf(value, "stream_options")["include_usage"] === true,
    n: Math.min(Math.max(numberOf(value, "n") ?? 1, 1), MAX_CHOICES),
    maxTokens: numberOf(value, "max_completion_tokens") ?? numberOf(value, "max_tokens"),
    json: readFormat(objectOf(value, "response_format")),
    promptTokens: Math.ceil(
      (JSON.stringify(value["messages"]).length + JSON.stringify(value["tools"] ?? "").length) / 4,
    ),
  };
}

function readMessage(message: UnknownObject): ModelMessage {
  return {
    role: textOf(message, "role") ?? "user",
    text: readContent(message["content"]),
    calls: listOf(message, "tool_calls")
      .filter(isObject)
      .map((call) => ({
        id: textOf(call, "id") ?? "",
        name: textOf(objectOf(call, "function"), "name") ?? "",
      })),
    callId: textOf(message, "tool_call_id"),
  };
}

/** Content is text, or a list of parts of which the text ones count. */
function readContent(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .filter(isObject)
    .map((part) => textOf(part, "text") ?? "")
    .join("\n");
}

function readTool(tool: UnknownObject): ModelTool {
  const described = objectOf(tool, "function");
  return {
    name: textOf(described, "name") ?? "",
    description: textOf(described, "description") ?? "",
    parameters: objectOf(described, "parameters"),
  };
}

function readToolChoice(choice: unknown): ModelRequest["toolChoice"] {
  if (choice === "none" || choice === "required") return choice;
  const name = isObject(choice) ? textOf(objectOf(choice, "function"), "name") : null;
  return name === null ? "auto" : { name };
}

function readFormat(format: UnknownObject): ModelRequest["json"] {
  switch (format["type"]) {
    case "json_object":
      return { schema: null };
    case "json_schema":
      return { schema: objectOf(objectOf(format, "json_schema"), "schema") };
    default:
      return null;
  }
}

/** Where the current exchange starts: the index of the last user message, or 0. */
export function lastUserIndex(messages: readonly ModelMessage[]): number {
  return Math.max(
    messages.findLastIndex((message) => message.role === "user"),
    0,
  );
}

/** Results of the tools called since the last user message, with the tool's name. */
export function toolResults(
  messages: readonly ModelMessage[],
): readonly { readonly name: string; readonly text: string }[] {
  const since = messages.slice(lastUserIndex(messages));
  const names = new Map(
    since.flatMap((message) => message.calls.map((call) => [call.id, call.name])),
  );
  return since
    .filter((message) => message.role === "tool")
    .map((message) => ({ name: names.get(message.callId ?? "") ?? "tool", text: message.text }));
}
