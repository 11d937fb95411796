/**
 * Anthropic's Messages API. As strict as the provider where a gateway could go wrong: results must answer the calls of the
 * message before them, and with thinking on, calls must come back with the thinking that led to them, signature and all.
 */

import {
  isObject,
  listOf,
  numberOf,
  objectOf,
  parseObject,
  textOf,
  type UnknownObject,
} from "../../http/json.ts";
import type { Face, Refusal } from "../face.ts";
import type { ModelMessage, ModelRequest } from "../request.ts";
import { fingerprint, type Turn } from "../turn.ts";
import { type Answer, answerOf, type Step, STAND_IN } from "../wire.ts";

/** `POST /v1/messages`. */
export const messagesFace: Face = {
  path: "/v1/messages",
  read: readMessages,
  whole: wholeMessage,
  steps: messageSteps,
  ending: "",
  error: ({ status, code, message }) => ({
    type: "error",
    error: { type: ERROR_TYPES[status] ?? (status < 500 ? code : "api_error"), message },
  }),
};

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  429: "rate_limit_error",
  529: "overloaded_error",
};

function refuse(message: string): Refusal {
  return { status: 400, code: "invalid_request_error", message };
}

function readMessages(text: string): ModelRequest | Refusal {
  const body = parseObject(text);
  const messages = listOf(body, "messages").filter(isObject);
  if (messages.length === 0 || numberOf(body, "max_tokens") === null)
    return refuse("messages and max_tokens are required");
  const wrong = faultOf(messages, isThinking(body));
  if (wrong !== null) return refuse(wrong);
  const choice = objectOf(body, "tool_choice");
  const name = textOf(choice, "name");
  const format = objectOf(objectOf(body, "output_config"), "format");
  return {
    model: textOf(body, "model") ?? "scripted-1",
    messages: messages.flatMap(readMessage),
    tools: listOf(body, "tools")
      .filter(isObject)
      .map((tool) => ({
        name: textOf(tool, "name") ?? "",
        description: textOf(tool, "description") ?? "",
        parameters: objectOf(tool, "input_schema"),
      })),
    toolChoice:
      name !== null
        ? { name }
        : choice["type"] === "any"
          ? "required"
          : choice["type"] === "none"
            ? "none"
            : "auto",
    parallel: choice["disable_parallel_tool_use"] !== true,
    stream: body["stream"] === true,
    includeUsage: true,
    n: 1,
    maxTokens: numberOf(body, "max_tokens"),
    json: format["type"] === "json_schema" ? { schema: objectOf(format, "schema") } : null,
    promptTokens: Math.ceil(text.length / 4),
  };
}

function isThinking(body: UnknownObject): boolean {
  return ["enabled", "adaptive"].includes(textOf(objectOf(body, "thinking"), "type") ?? "");
}

function blocksOf(message: UnknownObject): readonly UnknownObject[] {
  const { content } = message;
  return typeof content === "string"
    ? [{ type: "text", text: content }]
    : listOf(message, "content").filter(isObject);
}

/** What the provider would refuse of a conversation, or null. */
function faultOf(messages: readonly UnknownObject[], thinking: boolean): string | null {
  let open = new Set<string | null>();
  for (const [index, message] of messages.entries()) {
    const blocks = blocksOf(message);
    if (message["role"] === messages[index - 1]?.["role"]) return "roles must alternate";
    if (blocks.some((block) => block["type"] === "text" && textOf(block, "text") === ""))
      return "text content blocks must be non-empty";
    const results = blocks.filter((block) => block["type"] === "tool_result");
    const answered = new Set(results.map((block) => textOf(block, "tool_use_id")));
    if (open.size !== answered.size || [...open].some((id) => !answered.has(id)))
      return "tool_result blocks must answer the tool_use blocks before them";
    const calls = blocks.filter((block) => block["type"] === "tool_use");
    open = new Set(calls.map((block) => textOf(block, "id")));
    const isLast = index === messages.findLastIndex((one) => one["role"] === "assistant");
    const [first = {}] = blocks;
    if (thinking && isLast && calls.length > 0 && !isSigned(first))
      return "Expected `thinking`, but found `tool_use`";
  }
  return null;
}

function isSigned(block: UnknownObject): boolean {
  return (
    block["type"] === "thinking" &&
    textOf(block, "signature") === signatureOf(textOf(block, "thinking") ?? "")
  );
}

function signatureOf(thinking: string): string {
  return `sig-${fingerprint(thinking)}`;
}

function textIn(block: UnknownObject): string {
  return (
    textOf(block, "text") ??
    blocksOf(block)
      .map((one) => textOf(one, "text") ?? "")
      .join("")
  );
}

/** One message with blocks as the chat messages it stands for. */
function readMessage(message: UnknownObject): readonly ModelMessage[] {
  const blocks = blocksOf(message);
  const ofType = (type: string) => blocks.filter((block) => block["type"] === type);
  const text = ofType("text").map(textIn).join("\n");
  const results = ofType("tool_result").map((block) => ({
    role: "tool",
    text: textIn(block),
    calls: [],
    callId: textOf(block, "tool_use_id"),
  }));
  const calls = ofType("tool_use").map((block) => ({
    id: textOf(block, "id") ?? "",
    name: textOf(block, "name") ?? "",
  }));
  const role = textOf(message, "role") ?? "user";
  const isOnlyResults = results.length > 0 && text === "";
  return isOnlyResults ? results : [...results, { role, text, calls, callId: null }];
}

const STOP_REASONS: Readonly<Record<string, string>> = {
  stop: "end_turn",
  tool_calls: "tool_use",
  length: "max_tokens",
};

function stopReason({ finish }: Answer): string {
  return STOP_REASONS[finish] ?? finish;
}

function head(request: ModelRequest, turn: Turn): Record<string, unknown> {
  return {
    id: `msg_scripted_${fingerprint(`${JSON.stringify(request.messages)} ${turn.text}`)}`,
    type: "message",
    role: "assistant",
    model: request.model,
    container: STAND_IN,
  };
}

function wholeMessage(request: ModelRequest, turn: Turn): { body: unknown; tokens: number } {
  const answer = answerOf(request, turn);
  const text = answer.text.join("");
  const content = [
    ...(turn.reasoning === ""
      ? []
      : [{ type: "thinking", thinking: turn.reasoning, signature: signatureOf(turn.reasoning) }]),
    ...(text === "" ? [] : [{ type: "text", text }]),
    ...turn.calls.map(({ id, name, arguments: json }) => ({
      type: "tool_use",
      id,
      name,
      input: parseObject(json),
    })),
  ];
  const usage = { input_tokens: request.promptTokens, output_tokens: answer.tokens };
  const stop = { stop_reason: stopReason(answer), stop_sequence: null };
  return { tokens: answer.tokens, body: { ...head(request, turn), content, ...stop, usage } };
}

interface MessageEvent {
  readonly type: string;
  readonly [member: string]: unknown;
}

function step(event: MessageEvent, tokens = 0, pauseMs = 0): Step {
  return { data: `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`, tokens, pauseMs };
}

function messageSteps(request: ModelRequest, turn: Turn): Step[] {
  const answer = answerOf(request, turn);
  const usage = { input_tokens: request.promptTokens, output_tokens: 1 };
  const message = { ...head(request, turn), content: [], stop_reason: null, usage };
  const steps: Step[] = [step({ type: "message_start", message }), step({ type: "ping" })];
  let index = 0;
  const block = (start: object, deltas: readonly object[], pauseMs = 0): void => {
    const place = { index };
    steps.push(step({ type: "content_block_start", ...place, content_block: start }, 0, pauseMs));
    for (const delta of deltas)
      steps.push(step({ type: "content_block_delta", ...place, delta }, 1));
    steps.push(step({ type: "content_block_stop", ...place }));
    index += 1;
  };
  if (turn.reasoning !== "") {
    block({ type: "thinking", thinking: "", signature: "" }, [
      ...answer.reasoning.map((thinking) => ({ type: "thinking_delta", thinking })),
      { type: "signature_delta", signature: signatureOf(turn.reasoning) },
    ]);
  }
  if (answer.text.length > 0)
    block(
      { type: "text", text: "" },
      answer.text.map((text) => ({ type: "text_delta", text })),
    );
  for (const [place, { id, name, pieces }] of answer.calls.entries()) {
    const start = { type: "tool_use", id, name, input: {} };
    const deltas = ["", ...pieces].map((partial_json) => ({
      type: "input_json_delta",
      partial_json,
    }));
    block(start, deltas, place === 0 ? 0 : turn.gapMs);
  }
  const delta = { stop_reason: stopReason(answer), stop_sequence: null };
  steps.push(
    step({ type: "message_delta", delta, usage: { output_tokens: answer.tokens } }),
    step({ type: "message_stop" }),
  );
  return steps;
}
