/**
 * A chat completion request as a request of Anthropic's Messages API.
 *
 * What has a counterpart is translated; the provider's own fields (`thinking`, `top_k`, `cache_control` …) pass through as
 * they are; what it has no word for and does not change the meaning (seed, penalties, logprobs) is left out; what would
 * change it is refused with its place. Source: platform.claude.com/docs/en/api/messages.
 */

import type { GatewayError, Violation } from "../../contract/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { conversation } from "./conversation.ts";
import { listOf } from "../json-member.ts";

/** `max_tokens` where the client names none: what every model of the provider allows. */
const DEFAULT_MAX_TOKENS = 4096;

/** Fields of the provider's own that a client may send besides OpenAI's. */
const OWN_FIELDS = [
  "cache_control",
  "container",
  "context_management",
  "mcp_servers",
  "service_tier",
  "temperature",
  "thinking",
  "top_k",
  "top_p",
] as const;

/** The Messages request, or `validation_failed` with the places that cannot be expressed. */
export function messagesBody(body: JsonObject): Result<JsonObject, GatewayError> {
  const { system, messages, violations, lacksThinking } = conversation(body["messages"] ?? []);
  const format = outputFormat(body["response_format"] ?? null);
  if (!format.ok) violations.push(format.error);
  if (violations.length > 0) return fail({ code: "validation_failed", violations });
  const effort = effortOf(body["reasoning_effort"] ?? null);
  const own = OWN_FIELDS.flatMap((name) => member(name, body[name]));
  const tools = offeredTools(body);
  const choice = toolChoice(body, tools.length > 0);
  const translated = {
    model: body["model"] ?? "",
    ...Object.fromEntries(own),
    // With thinking on, calls without the thinking that led to them are refused; a client that lost it goes on without.
    ...(lacksThinking && body["thinking"] !== undefined && { thinking: { type: "disabled" } }),
    max_tokens: maxTokens(body),
    ...(system.length > 0 && { system }),
    messages,
    ...(tools.length > 0 && { tools }),
    ...(choice !== null && { tool_choice: choice }),
    ...stopSequences(body["stop"] ?? null),
    ...userOf(body),
    ...outputConfig(body["output_config"], format.ok ? format.value : null, effort),
    stream: body["stream"] === true,
  };
  return ok(translated);
}

/** A member that is there and not null. */
function member(name: string, value: Json | undefined): [string, Json][] {
  return value === undefined || value === null ? [] : [[name, value]];
}

function maxTokens(body: JsonObject): number {
  const asked = body["max_completion_tokens"] ?? body["max_tokens"];
  if (typeof asked === "number") return asked;
  const thinking = body["thinking"];
  const budget = isJsonObject(thinking) ? thinking["budget_tokens"] : null;
  return DEFAULT_MAX_TOKENS + (typeof budget === "number" ? budget : 0);
}

function stopSequences(stop: Json): JsonObject {
  const list = typeof stop === "string" ? [stop] : listOf(stop);
  // The provider refuses a stop of white space alone.
  const sequences = list.filter((one) => typeof one === "string" && one.trim() !== "");
  return sequences.length === 0 ? {} : { stop_sequences: sequences };
}

/** The provider knows one field of metadata; OpenAI's is a table of the client's own words. */
function userOf(body: JsonObject): JsonObject {
  const { metadata } = body;
  const named = isJsonObject(metadata) ? metadata["user_id"] : undefined;
  const user = body["safety_identifier"] ?? body["user"] ?? named;
  return typeof user === "string" ? { metadata: { user_id: user } } : {};
}

function outputConfig(
  given: Json | undefined,
  format: JsonObject | null,
  effort: string | null,
): JsonObject {
  const config = {
    ...(isJsonObject(given) && given),
    ...(format !== null && { format }),
    ...(effort !== null && { effort }),
  };
  return Object.keys(config).length === 0 ? {} : { output_config: config };
}

function outputFormat(format: Json): Result<JsonObject | null, Violation> {
  const type = isJsonObject(format) ? format["type"] : "text";
  if (type === "text") return ok(null);
  const described = isJsonObject(format) ? format["json_schema"] : null;
  const schema = isJsonObject(described) ? described["schema"] : null;
  if (type === "json_schema" && isJsonObject(schema)) return ok({ type: "json_schema", schema });
  return fail({
    pointer: "/response_format",
    message: "This model's provider takes a json_schema with a schema, or text.",
  });
}

const EFFORTS: Readonly<Record<string, string>> = {
  minimal: "low",
  low: "low",
  medium: "medium",
  high: "high",
  xhigh: "xhigh",
  max: "max",
};

function effortOf(effort: Json): string | null {
  return typeof effort === "string" ? (EFFORTS[effort] ?? null) : null;
}

/** The tools in the provider's form; with a list of allowed tools only those. */
function offeredTools(body: JsonObject): readonly Json[] {
  const tools = listOf(body["tools"] ?? null).map(asTool);
  const allowed = allowedNames(body["tool_choice"] ?? null);
  if (allowed === null) return tools;
  return tools.filter((tool) => isJsonObject(tool) && allowed.has(tool["name"] ?? null));
}

/** A function tool; a tool of another type is the provider's own and goes out as it is. */
function asTool(tool: Json): Json {
  if (!isJsonObject(tool) || tool["type"] !== "function") return tool;
  const described = tool["function"];
  if (!isJsonObject(described)) return tool;
  const { name = "", description, parameters, strict } = described;
  const schema = isJsonObject(parameters) ? parameters : {};
  return {
    name,
    ...(typeof description === "string" && { description }),
    // The provider demands an object at the top; a schema that says so, or says nothing, is meant as one.
    input_schema: schema["type"] === undefined ? { type: "object", ...schema } : schema,
    ...(strict === true && { strict }),
    ...Object.fromEntries(member("cache_control", tool["cache_control"])),
  };
}

function allowedNames(choice: Json): ReadonlySet<Json> | null {
  const allowed = isJsonObject(choice) ? choice["allowed_tools"] : null;
  if (!isJsonObject(allowed)) return null;
  return new Set(listOf(allowed["tools"] ?? null).map(nameOf));
}

function nameOf(holder: Json): Json {
  const inner = isJsonObject(holder) ? holder["function"] : null;
  return isJsonObject(inner) ? (inner["name"] ?? null) : null;
}

function toolChoice(body: JsonObject, hasTools: boolean): JsonObject | null {
  if (!hasTools) return null;
  const oneByOne = body["parallel_tool_calls"] === false;
  const base = choiceOf(body["tool_choice"] ?? null);
  if (base === null) return oneByOne ? { type: "auto", disable_parallel_tool_use: true } : null;
  return oneByOne && base["type"] !== "none" ? { ...base, disable_parallel_tool_use: true } : base;
}

function choiceOf(choice: Json): JsonObject | null {
  if (choice === "auto" || choice === "none") return { type: choice };
  if (choice === "required") return { type: "any" };
  if (!isJsonObject(choice)) return null;
  const allowed = choice["allowed_tools"];
  if (isJsonObject(allowed)) return { type: allowed["mode"] === "required" ? "any" : "auto" };
  const name = nameOf(choice);
  return name === null ? null : { type: "tool", name };
}
