/**
 * A chat request as Workers AI takes it: no null content, and a named tool choice as the only tool, required. Source:
 * the provider package of Cloudflare's own (github.com/cloudflare/ai, workers-ai-provider), which works around the same.
 */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";

/** The request with what this provider refuses put right; everything else as it is. */
export function workersAiBody(body: JsonObject): JsonObject {
  return { ...body, ...messagesOf(body["messages"]), ...forcedTool(body) };
}

function messagesOf(messages: Json | undefined): JsonObject {
  if (messages === undefined || !isJsonArray(messages)) return {};
  return {
    messages: messages.map((message) =>
      isJsonObject(message) && (message["content"] ?? null) === null
        ? { ...message, content: "" }
        : message,
    ),
  };
}

function forcedTool({ tool_choice: choice, tools }: JsonObject): JsonObject {
  const called = isJsonObject(choice) ? choice["function"] : undefined;
  if (!isJsonObject(called) || tools === undefined || !isJsonArray(tools)) return {};
  const named = tools.filter((tool) => nameOf(tool) === called["name"]);
  return named.length === 0 ? {} : { tool_choice: "required", tools: named };
}

function nameOf(tool: Json): Json | undefined {
  const described = isJsonObject(tool) ? tool["function"] : undefined;
  return isJsonObject(described) ? described["name"] : undefined;
}
