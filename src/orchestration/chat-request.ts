/**
 * What the model is asked: the client's own request, with the gateway's tools added and its hidden turns restored.
 *
 * Everything the gateway does not change passes through untouched and in the client's order, so that the same
 * conversation gives the same bytes and a provider's prompt cache holds. Refused here, before anything is sent: what
 * only the set of offered tools can tell.
 */

import type { ChatRequest } from "../contract/chat.ts";
import type { GatewayError, Violation } from "../contract/error.ts";
import { RESULT_QUERY } from "../contract/result-query.ts";
import { TOOL_SEARCH } from "../contract/tool-search.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../platform/canonical-json.ts";
import type { OfferedTool } from "./ports.ts";

/** Who answers a call the model makes. */
export type CallOwner = "gateway" | "client";

/** `validation_failed` with every wrong place, or null when the request fits the offered tools. */
export function checkRequest(
  request: ChatRequest,
  offered: readonly OfferedTool[],
): GatewayError | null {
  const violations: Violation[] = [];
  // Also without gateway tools: an answer here is one message, and choices beyond the first would be lost in silence.
  if ((request.n ?? 1) > 1) {
    violations.push({
      pointer: "/n",
      message: "The gateway makes one choice; ask again for more.",
    });
  }
  const taken = new Set(offered.flatMap((tool) => [tool.name, tool.wireName]));
  // Offered as soon as a result is cut, or another tool makes them too many, so their names are taken from the start.
  if (offered.length > 0) taken.add(RESULT_QUERY).add(TOOL_SEARCH);
  for (const [index, tool] of clientTools(request).entries()) {
    const named = nameOf(tool);
    if (named === null || !taken.has(named.name)) continue;
    violations.push({
      pointer: `/tools/${index}/${named.field}name`,
      message: "The gateway offers a tool of this name; leave it out here or with x-gw-tools.",
    });
  }
  return violations.length === 0 ? null : { code: "validation_failed", violations };
}

/**
 * Who answers a call by its name. While the gateway offers tools, a name nobody offered is the gateway's: the model gets
 * an error and may correct itself. When it offers none, every call is the client's, whatever its name.
 */
export function createOwnership(
  request: ChatRequest,
  offered: readonly OfferedTool[],
): (name: string) => CallOwner {
  if (offered.length === 0) return () => "client";
  const names = new Set(clientTools(request).map((tool) => nameOf(tool)?.name));
  return (name) => (names.has(name) ? "client" : "gateway");
}

/** The body of one inner request. `messages` are the conversation so far; a forced tool choice holds for turn 1 only. */
export function innerBody(
  request: ChatRequest,
  offered: readonly OfferedTool[],
  messages: readonly JsonObject[],
  turn: number,
): JsonObject {
  const isStreaming = request.stream === true;
  const tools = [...clientTools(request), ...offered.map(asFunctionTool)];
  const choice = toWireNames(request.tool_choice ?? null, offered);
  const changed = {
    messages,
    stream: isStreaming,
    stream_options: isStreaming
      ? { ...asJsonObject(request.stream_options), include_usage: true }
      : undefined,
    tools: tools.length === 0 ? undefined : tools,
    tool_choice: choice === null ? undefined : turn === 1 ? choice : afterFirstTurn(choice),
    x_gw: undefined,
  };
  return Object.fromEntries(
    Object.entries({ ...asJsonObject(request), ...changed }).filter(isPresent),
  );
}

/** The messages of a request as JSON. */
export function messagesOf(request: ChatRequest): readonly JsonObject[] {
  return request.messages.map(asJsonObject);
}

function isPresent(entry: [string, Json | undefined]): entry is [string, Json] {
  return entry[1] !== undefined;
}

function clientTools(request: ChatRequest): readonly JsonObject[] {
  return (request.tools ?? []).map(asJsonObject);
}

/**
 * A tool's name and where it stands: in `function`, in `custom` for tools that take free text, or in the tool itself for
 * one that only its provider understands.
 */
function nameOf(tool: JsonObject): { readonly field: string; readonly name: string } | null {
  for (const field of ["function", "custom"]) {
    const inner = tool[field];
    if (!isJsonObject(inner)) continue;
    const name = inner["name"];
    if (typeof name === "string") return { field: `${field}/`, name };
  }
  const own = tool["name"];
  return typeof own === "string" ? { field: "", name: own } : null;
}

function asFunctionTool(tool: OfferedTool): JsonObject {
  return {
    type: "function",
    function: { name: tool.wireName, description: tool.description, parameters: tool.input },
  };
}

/**
 * A choice that forces a call would force one in every turn and never let the model answer. A list of allowed tools
 * stays in force, because dropping it would let the model call what the client ruled out.
 */
function afterFirstTurn(choice: Json): Json {
  if (choice === "none") return choice;
  if (!isJsonObject(choice) || choice["type"] !== "allowed_tools") return "auto";
  const allowed = choice["allowed_tools"];
  return isJsonObject(allowed)
    ? { ...choice, allowed_tools: { ...allowed, mode: "auto" } }
    : choice;
}

/** Clients name a gateway tool by the tenant's name; the provider knows its wire name. */
function toWireNames(choice: string | object | null, offered: readonly OfferedTool[]): Json {
  if (choice === null || typeof choice === "string") return choice;
  const renamed = renameFunction(asJsonObject(choice), offered);
  const allowed = renamed["allowed_tools"];
  if (!isJsonObject(allowed)) return renamed;
  const tools = allowed["tools"];
  if (tools === undefined || !isJsonArray(tools)) return renamed;
  const rename = (tool: Json): Json => (isJsonObject(tool) ? renameFunction(tool, offered) : tool);
  return { ...renamed, allowed_tools: { ...allowed, tools: tools.map(rename) } };
}

function renameFunction(holder: JsonObject, offered: readonly OfferedTool[]): JsonObject {
  const inner = holder["function"];
  if (!isJsonObject(inner)) return holder;
  const tool = offered.find(({ name }) => name === inner["name"]);
  return tool === undefined ? holder : { ...holder, function: { ...inner, name: tool.wireName } };
}

/** The schema says `unknown` for what it does not name; the body came in as JSON, so its objects are JSON objects. */
function asJsonObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
