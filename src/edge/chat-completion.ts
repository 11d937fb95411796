/** A chat run as one `chat.completion`: the same events as a stream, collected into one message. */

import type { ChatEvent } from "../contract/chat.ts";
import type { GatewayError } from "../contract/error.ts";
import { isJsonArray, type Json, type JsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { clientMeta, completionId } from "./chat-chunks.ts";

/** A call of the client's own, as it grows. */
interface GrowingCall {
  readonly id: string;
  readonly name: string;
  readonly isCustom: boolean;
  text: string;
}

/** The answer as it grows. */
interface Growing {
  head: JsonObject;
  readonly message: Record<string, Json>;
  logprobs: Record<string, Json> | null;
  readonly calls: GrowingCall[];
}

/** Reads `events` to their end. `created` is in seconds; a run that was stopped from outside gives `cancelled`. */
export async function collectCompletion(
  events: AsyncIterator<ChatEvent>,
  first: ChatEvent,
  created: number,
): Promise<Result<JsonObject, GatewayError>> {
  const growing: Growing = { head: {}, message: {}, logprobs: null, calls: [] };
  for (let event = first; ;) {
    if (event.type === "failed") return fail(event.error);
    if (event.type === "finished") return ok(completion(growing, event));
    grow(growing, event, created);
    const next = await events.next();
    if (next.done === true) return fail({ code: "cancelled" });
    event = next.value;
  }
}

type Growth = Exclude<ChatEvent, { type: "finished" | "failed" }>;

function grow(growing: Growing, event: Growth, created: number): void {
  switch (event.type) {
    case "started": {
      const { run, model } = event;
      growing.head = { id: completionId(run), object: "chat.completion", created, model };
      break;
    }
    case "meta":
      growing.head = { ...growing.head, ...clientMeta(event.meta) };
      break;
    case "delta":
      join(growing.message, event.delta);
      if (isObject(event.logprobs)) join((growing.logprobs ??= {}), event.logprobs);
      break;
    case "client_call":
      growing.calls.push({
        id: event.id,
        name: event.name,
        isCustom: event.isCustom === true,
        text: "",
      });
      break;
    case "client_call_arguments": {
      const call = growing.calls[event.index];
      if (call !== undefined) call.text += event.delta;
      break;
    }
    case "tool":
    case "gateway_call":
    case "gateway_call_progress":
    case "gateway_call_ended":
    case "approval_request":
      break;
  }
}

function completion(growing: Growing, end: Extract<ChatEvent, { type: "finished" }>): JsonObject {
  const { content = "", ...rest } = growing.message;
  const hasText = content !== "" && content !== null;
  const says = hasText || growing.calls.length > 0 || rest["refusal"] !== undefined;
  const message = {
    role: "assistant",
    content: hasText || !says ? content : null,
    refusal: null,
    ...rest,
    ...(growing.calls.length > 0 && { tool_calls: growing.calls.map(toolCall) }),
  };
  const choice = { index: 0, message, logprobs: growing.logprobs, finish_reason: end.finishReason };
  return { ...growing.head, choices: [choice], usage: end.usage, x_gw: { ...end.summary } };
}

function toolCall({ id, name, isCustom, text }: GrowingCall): JsonObject {
  return isCustom
    ? { id, type: "custom", custom: { name, input: text } }
    : { id, type: "function", function: { name, arguments: text } };
}

/** Adds `next` to what is there: texts and lists grow, anything else is replaced. */
function join(present: Record<string, Json>, next: JsonObject): void {
  for (const [key, value] of Object.entries(next)) {
    const before: unknown = Object.hasOwn(present, key) ? present[key] : null;
    if (typeof before === "string" && typeof value === "string") present[key] = before + value;
    else if (Array.isArray(before) && isJsonArray(value)) before.push(...value);
    else if (value !== null || before === null)
      present[key] = isJsonArray(value) ? [...value] : value;
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isJsonArray(value);
}
