/**
 * Answers of Workers AI in its own format as chunks of chat completions. Some models answer in it even where OpenAI's was
 * asked for: `{"response": "text", "tool_calls": [{"name", "arguments"}], "usage"}`, whole inside `{"result": …}`.
 */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";

/** `chunk` in OpenAI's format; one that is in it already comes back as it is. */
export function openAIChunk(chunk: JsonObject): JsonObject {
  const { result } = chunk;
  if (isJsonObject(result)) return openAIChunk(result);
  if (chunk["choices"] !== undefined) return chunk;
  const { response, tool_calls: calls, usage, finish_reason: reason } = chunk;
  if (response === undefined && calls === undefined) return chunk;
  const delta = {
    ...(response !== undefined && response !== null && { content: asText(response) }),
    ...(calls !== undefined && isJsonArray(calls) && { tool_calls: calls.map(asFunctionCall) }),
  };
  return {
    choices: [{ index: 0, delta, ...(typeof reason === "string" && { finish_reason: reason }) }],
    ...(isJsonObject(usage) && { usage }),
  };
}

/** An answer that had to follow a schema comes as the value itself. */
function asText(response: Json): string {
  return typeof response === "string" ? response : JSON.stringify(response);
}

function asFunctionCall(call: Json): Json {
  if (!isJsonObject(call) || call["function"] !== undefined) return call;
  const { name = "", arguments: given, ...rest } = call;
  return { ...rest, function: { name, ...(given !== undefined && { arguments: given }) } };
}
