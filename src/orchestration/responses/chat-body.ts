/**
 * A response's request as the chat request the run core carries out. Fields that both forms have are renamed; those that
 * only speak of the response itself (metadata, store, background …) stay behind.
 */

import type { ChatRequest } from "../../contract/chat.ts";
import type { ResponseRequest } from "../../contract/response.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import type { ChosenTools } from "./choose-tools.ts";

/** Fields with the same meaning and name in both forms. */
const SAME_FIELDS = [
  "temperature",
  "top_p",
  "parallel_tool_calls",
  "user",
  "service_tier",
  "prompt_cache_key",
  "safety_identifier",
] as const;

/** The chat request of a response that goes on from `messages`; instructions come first and are not part of them. */
export function chatBody(
  request: ResponseRequest,
  messages: readonly JsonObject[],
  tools: Pick<ChosenTools, "functions" | "choice">,
): ChatRequest {
  const same = Object.fromEntries(
    SAME_FIELDS.flatMap((field): [string, unknown][] =>
      request[field] === undefined || request[field] === null ? [] : [[field, request[field]]],
    ),
  );
  const { text, reasoning, max_output_tokens, top_logprobs } = request;
  const format = responseFormat(text?.format);
  const verbosity = text?.["verbosity"];
  const wantsLogprobs = request.include?.includes("message.output_text.logprobs") === true;
  return {
    ...same,
    model: request.model,
    messages: [...instructionsOf(request), ...messages].map(withRole),
    stream: request.stream === true || request.background === true,
    ...(tools.functions.length > 0 && { tools: tools.functions.map(withType) }),
    ...(tools.choice !== undefined && { tool_choice: choiceOf(tools.choice) }),
    ...(typeof max_output_tokens === "number" && { max_completion_tokens: max_output_tokens }),
    ...(typeof reasoning?.effort === "string" && { reasoning_effort: reasoning.effort }),
    ...(format !== null && { response_format: format }),
    ...(typeof verbosity === "string" && { verbosity }),
    ...(wantsLogprobs && { logprobs: true }),
    ...(wantsLogprobs && typeof top_logprobs === "number" && { top_logprobs }),
  };
}

/** The message the request's instructions are, or none. */
export function instructionsOf({ instructions }: ResponseRequest): readonly JsonObject[] {
  return typeof instructions === "string" && instructions !== ""
    ? [{ role: "system", content: instructions }]
    : [];
}

function responseFormat(format: object | undefined): JsonObject | null {
  if (!isJsonObject(format)) return null;
  const { type, ...rest } = format;
  if (type === "json_schema") return { type, json_schema: rest };
  return type === "json_object" ? { type } : null;
}

/** The chat schema wants to see that a message has a role and a tool a type; ours do by construction. */
function withRole(message: JsonObject): ChatRequest["messages"][number] {
  const { role, tool_call_id, tool_calls: _, ...rest } = message;
  return {
    ...rest,
    role: typeof role === "string" ? role : "user",
    ...(typeof tool_call_id === "string" && { tool_call_id }),
    ...(Array.isArray(message["tool_calls"]) && { tool_calls: message["tool_calls"] }),
  };
}

function withType(tool: JsonObject): NonNullable<ChatRequest["tools"]>[number] {
  const { function: inner, ...rest } = tool;
  const fields = isJsonObject(inner) ? inner : {};
  const name = typeof fields["name"] === "string" ? fields["name"] : "";
  return { ...rest, type: "function", function: { ...fields, name } };
}

function choiceOf(choice: Json): string | Record<string, unknown> {
  if (typeof choice === "string") return choice;
  return isJsonObject(choice) ? { ...choice } : "auto";
}
