/**
 * A chat completion request as a request of OpenAI's Responses API.
 *
 * Nothing is stored at the provider (`store: false`), so its reasoning comes encrypted and goes back with the next turn.
 * Fields that have the same meaning under another name are renamed, those the API does not know and that change nothing
 * are left out, and what it cannot do (`stop`, audio) is refused with its place. Source:
 * platform.openai.com/docs/api-reference/responses/create.
 */

import type { GatewayError } from "../../contract/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { inputItems } from "./input-items.ts";
import { isPresent, listOf } from "../json-member.ts";

/** Fields that mean the same in both APIs. */
const SAME_FIELDS = [
  "metadata",
  "parallel_tool_calls",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "service_tier",
  "temperature",
  "top_logprobs",
  "top_p",
  "truncation",
  "user",
] as const;

/** The Responses request, or `validation_failed` with the places that cannot be expressed. */
export function responsesBody(body: JsonObject): Result<JsonObject, GatewayError> {
  const { items, violations } = inputItems(body["messages"] ?? []);
  if (isPresent(body["stop"]) && body["stop"] !== "") {
    const message = "This model's provider knows no stop sequences.";
    violations.push({ pointer: "/stop", message });
  }
  if (violations.length > 0) return fail({ code: "validation_failed", violations });
  const tools = listOf(body["tools"]).map(flatTool);
  const choice = body["tool_choice"];
  const maxTokens = body["max_completion_tokens"] ?? body["max_tokens"];
  return ok({
    model: body["model"] ?? "",
    input: items,
    ...Object.fromEntries(
      SAME_FIELDS.flatMap((name) => {
        const value = body[name];
        return value === undefined || value === null ? [] : [[name, value]];
      }),
    ),
    ...(tools.length > 0 && { tools }),
    ...(isPresent(choice) && { tool_choice: flatChoice(choice) }),
    ...(isPresent(maxTokens) && { max_output_tokens: maxTokens }),
    ...reasoningOf(body),
    ...textOf(body),
    include: ["reasoning.encrypted_content"],
    store: false,
    stream: body["stream"] === true,
  });
}

function reasoningOf(body: JsonObject): JsonObject {
  const { reasoning, reasoning_effort: effort } = body;
  const asked = { ...(isJsonObject(reasoning) && reasoning), ...(isPresent(effort) && { effort }) };
  return Object.keys(asked).length === 0 ? {} : { reasoning: asked };
}

function textOf(body: JsonObject): JsonObject {
  const format = body["response_format"];
  const { verbosity } = body;
  const text = {
    ...(isJsonObject(format) && { format: flatFormat(format) }),
    ...(isPresent(verbosity) && { verbosity }),
  };
  return Object.keys(text).length === 0 ? {} : { text };
}

function flatFormat(format: JsonObject): JsonObject {
  const described = format["json_schema"];
  return format["type"] === "json_schema" && isJsonObject(described)
    ? { type: "json_schema", ...described }
    : format;
}

/** A function or custom tool without its inner object; other types are the provider's own and go out as they are. */
function flatTool(tool: Json): Json {
  if (!isJsonObject(tool)) return tool;
  const { type, function: described, custom } = tool;
  if (type === "function" && isJsonObject(described)) {
    const { name = "", description, parameters = null, strict } = described;
    return {
      type,
      name,
      ...(isPresent(description) && { description }),
      parameters,
      // Absent means false here, and true there, where it rewrites the schema.
      strict: strict === true,
    };
  }
  if (type === "custom" && isJsonObject(custom)) {
    const { format, ...rest } = custom;
    return { type, ...rest, ...(isJsonObject(format) && { format: flatGrammar(format) }) };
  }
  return tool;
}

function flatGrammar(format: JsonObject): JsonObject {
  const { grammar } = format;
  return isJsonObject(grammar) ? { type: "grammar", ...grammar } : format;
}

function flatChoice(choice: Json): Json {
  if (!isJsonObject(choice)) return choice;
  const { type = "function", allowed_tools: allowed } = choice;
  if (isJsonObject(allowed)) {
    const tools = listOf(allowed["tools"]).map(flatChoice);
    return { type: "allowed_tools", mode: allowed["mode"] ?? "auto", tools };
  }
  const inner = choice["function"] ?? choice["custom"];
  return isJsonObject(inner) ? { type, name: inner["name"] ?? "" } : choice;
}
