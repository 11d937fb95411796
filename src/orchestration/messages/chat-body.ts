/**
 * A Messages request as the chat request the run core speaks.
 *
 * The inverse of `upstream/anthropic`, so a client of this protocol over a provider of the same loses nothing: thinking,
 * cache marks, the provider's own tools and fields pass through. Over another kind of provider they have no meaning and are
 * left out; what would change the meaning is refused with its place.
 */

import type { ChatRequest } from "../../contract/chat.ts";
import type { GatewayError, Violation } from "../../contract/error.ts";
import type { MessagesRequest, MessageTool } from "../../contract/messages.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { chatMessages } from "./chat-messages-of.ts";
import { chatContent } from "./message-content.ts";
import type { MessagesTarget } from "./target.ts";

/** Fields that pass through to a provider of the same protocol. */
const OWN_FIELDS = [
  "cache_control",
  "container",
  "context_management",
  "output_config",
  "service_tier",
  "thinking",
  "top_k",
] as const;

/** The chat request, or `validation_failed` with every place that cannot be expressed. */
export function chatBody(
  request: MessagesRequest,
  target: MessagesTarget,
): Result<ChatRequest, GatewayError> {
  const violations: Violation[] = [];
  const body = asJson(request);
  const system = chatContent(body["system"] ?? null, "/system", target, violations);
  const messages = chatMessages(body["messages"] ?? [], target, violations);
  const tools = (request.tools ?? []).map((tool, index) =>
    chatTool(tool, `/tools/${index}`, target, violations),
  );
  if (violations.length > 0) return fail({ code: "validation_failed", violations });
  const { model, max_tokens, stream, stop_sequences, tool_choice } = request;
  return ok({
    model,
    messages: [...(system.length > 0 ? [{ role: "system", content: system }] : []), ...messages],
    [target.isOpenAI ? "max_completion_tokens" : "max_tokens"]: max_tokens,
    ...(stream === true && { stream }),
    ...(tools.length > 0 && { tools }),
    ...(tool_choice !== undefined && chatChoice(tool_choice)),
    ...(tool_choice?.disable_parallel_tool_use === true && { parallel_tool_calls: false }),
    ...(stop_sequences !== undefined && stop_sequences.length > 0 && { stop: stop_sequences }),
    ...present(body, ["temperature", "top_p"]),
    ...userOf(body["metadata"]),
    ...(target.isMessages ? present(body, OWN_FIELDS) : outputOf(body["output_config"])),
  });
}

/** The body came in as JSON; its schema only says `unknown` for what it does not name. */
function asJson(request: MessagesRequest): JsonObject {
  return isJsonObject(request) ? request : {};
}

function present(body: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = body[name];
      return value === undefined || value === null ? [] : [[name, value]];
    }),
  );
}

function userOf(metadata: Json | undefined): JsonObject {
  const user = isJsonObject(metadata) ? metadata["user_id"] : null;
  return typeof user === "string" ? { user } : {};
}

/** A demanded format and effort in OpenAI's words. */
function outputOf(config: Json | undefined): JsonObject {
  if (!isJsonObject(config)) return {};
  const { format, effort } = config;
  const schema = isJsonObject(format) ? format["schema"] : null;
  return {
    ...(isJsonObject(schema) && {
      response_format: {
        type: "json_schema",
        json_schema: { name: "output", schema, strict: true },
      },
    }),
    ...(typeof effort === "string" && { reasoning_effort: effort }),
  };
}

function chatTool(
  tool: MessageTool,
  pointer: string,
  target: MessagesTarget,
  violations: Violation[],
): JsonObject & { readonly type: string } {
  const { type, name, description, input_schema, strict, cache_control } = tool;
  if (type === undefined || type === null || type === "custom") {
    if (name === undefined) violations.push({ pointer, message: "A tool needs a name." });
    return {
      type: "function",
      function: {
        name: name ?? "",
        ...(typeof description === "string" && { description }),
        parameters: isJsonObject(input_schema) ? input_schema : { type: "object" },
        ...(strict === true && { strict }),
      },
      ...(target.isMessages && isJsonObject(cache_control) && { cache_control }),
    };
  }
  if (!target.isMessages) {
    const message = `This model's provider has no tools of type ${type.slice(0, 64)}.`;
    violations.push({ pointer: `${pointer}/type`, message });
  }
  return { ...(isJsonObject(tool) && tool), type };
}

function chatChoice(choice: { readonly type: string; readonly name?: unknown }): JsonObject {
  switch (choice.type) {
    case "any":
      return { tool_choice: "required" };
    case "none":
      return { tool_choice: "none" };
    case "tool":
      return {
        tool_choice: {
          type: "function",
          function: { name: typeof choice.name === "string" ? choice.name : "" },
        },
      };
    default:
      return { tool_choice: "auto" };
  }
}
