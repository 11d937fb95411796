/**
 * OpenAI's Responses API, without anything stored. As strict as the provider where a gateway could go wrong: an output needs
 * its call, and encrypted reasoning that comes back must be what was sent.
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
import { answerOf, type Step, STAND_IN } from "../wire.ts";
import { openAIEnvelope } from "./openai-envelope.ts";

/** `POST /v1/responses`. */
export const responsesFace: Face = {
  path: "/v1/responses",
  read: readResponses,
  whole: (request, turn) => {
    const { response, tokens } = responseOf(request, turn);
    return { body: response, tokens };
  },
  steps: responseSteps,
  ending: "",
  error: openAIEnvelope,
};

function refuse(message: string): Refusal {
  return { status: 400, code: "invalid_request_error", message };
}

function readResponses(text: string): ModelRequest | Refusal {
  const body = parseObject(text);
  const items = listOf(body, "input").filter(isObject);
  if (items.length === 0) return refuse("input is required");
  const wrong = faultOf(items);
  if (wrong !== null) return refuse(wrong);
  const choice = body["tool_choice"];
  const name = isObject(choice) ? textOf(choice, "name") : null;
  const format = objectOf(objectOf(body, "text"), "format");
  return {
    model: textOf(body, "model") ?? "scripted-1",
    messages: joinCalls(items.flatMap(readItem)),
    tools: listOf(body, "tools")
      .filter(isObject)
      .map((tool) => ({
        name: textOf(tool, "name") ?? "",
        description: textOf(tool, "description") ?? "",
        parameters: objectOf(tool, "parameters"),
      })),
    toolChoice:
      name !== null ? { name } : choice === "required" || choice === "none" ? choice : "auto",
    parallel: body["parallel_tool_calls"] !== false,
    stream: body["stream"] === true,
    includeUsage: true,
    n: 1,
    maxTokens: numberOf(body, "max_output_tokens"),
    json:
      format["type"] === "json_schema"
        ? { schema: objectOf(format, "schema") }
        : format["type"] === "json_object"
          ? { schema: null }
          : null,
    promptTokens: Math.ceil(text.length / 4),
  };
}

/** What the provider would refuse of the input, or null. */
function faultOf(items: readonly UnknownObject[]): string | null {
  const calls = new Set<string | null>();
  for (const item of items) {
    const id = textOf(item, "call_id");
    if (item["type"] === "function_call") calls.add(id);
    if (item["type"] === "function_call_output" && !calls.has(id))
      return `No tool call found for function call output with call_id ${String(id)}.`;
    const cipher = textOf(item, "encrypted_content");
    if (item["type"] === "reasoning" && !/^cipher-[0-9a-f]{8}$/.test(cipher ?? ""))
      return "Encrypted content could not be verified.";
  }
  return null;
}

function textIn(item: UnknownObject, member: string): string {
  const parts = listOf(item, member).filter(isObject);
  return textOf(item, member) ?? parts.map((part) => textOf(part, "text") ?? "").join("\n");
}

function readItem(item: UnknownObject): readonly ModelMessage[] {
  switch (item["type"]) {
    case "function_call": {
      const call = { id: textOf(item, "call_id") ?? "", name: textOf(item, "name") ?? "" };
      return [{ role: "assistant", text: "", calls: [call], callId: null }];
    }
    case "function_call_output":
      return [
        { role: "tool", text: textIn(item, "output"), calls: [], callId: textOf(item, "call_id") },
      ];
    case undefined:
    case "message":
      return [
        {
          role: textOf(item, "role") ?? "user",
          text: textIn(item, "content"),
          calls: [],
          callId: null,
        },
      ];
    default:
      return [];
  }
}

/** Items of one turn as the one assistant message they are. */
function joinCalls(messages: readonly ModelMessage[]): readonly ModelMessage[] {
  const joined: ModelMessage[] = [];
  for (const message of messages) {
    const last = joined.at(-1);
    if (message.role !== "assistant" || last?.role !== "assistant") joined.push(message);
    else
      joined[joined.length - 1] = {
        ...last,
        text: last.text + message.text,
        calls: [...last.calls, ...message.calls],
      };
  }
  return joined;
}

type Item = Readonly<Record<string, unknown>> & { readonly type: string };

function itemsOf(request: ModelRequest, turn: Turn): readonly Item[] {
  const answer = answerOf(request, turn);
  const text = answer.text.join("");
  const mark = fingerprint(`${request.messages.length} ${turn.text}`);
  return [
    ...(turn.reasoning === ""
      ? []
      : [
          {
            type: "reasoning",
            id: `rs_${mark}`,
            summary: [{ type: "summary_text", text: turn.reasoning }],
            encrypted_content: `cipher-${fingerprint(turn.reasoning)}`,
          },
        ]),
    ...(text === ""
      ? []
      : [
          {
            type: "message",
            id: `msg_${mark}`,
            role: "assistant",
            status: "completed",
            content: [{ type: "output_text", text, annotations: [] }],
          },
        ]),
    ...(turn.program === ""
      ? []
      : [{ type: "program", id: `cm_${mark}`, call_id: programId(turn), code: turn.program }]),
    ...turn.calls.map(({ id, name, arguments: json }) => ({
      type: "function_call",
      id: `fc_${id}`,
      call_id: id,
      name,
      arguments: json,
      status: "completed",
      ...(turn.program !== "" && { caller: { type: "program", caller_id: programId(turn) } }),
    })),
  ];
}

function programId({ program }: Turn): string {
  return `call_program_${fingerprint(program)}`;
}

function responseOf(request: ModelRequest, turn: Turn) {
  const answer = answerOf(request, turn);
  const isCut = answer.finish === "length";
  const response = {
    id: `resp_${fingerprint(`${JSON.stringify(request.messages)} ${turn.text}`)}`,
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    model: request.model,
    status: isCut ? "incomplete" : "completed",
    incomplete_details: isCut ? { reason: "max_output_tokens" } : null,
    error: null,
    output: itemsOf(request, turn),
    store: false,
    metadata: { by: STAND_IN },
    usage: {
      input_tokens: request.promptTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: answer.tokens,
      output_tokens_details: { reasoning_tokens: answer.reasoning.length },
      total_tokens: request.promptTokens + answer.tokens,
    },
  };
  return { response, answer, tokens: answer.tokens };
}

function responseSteps(request: ModelRequest, turn: Turn): Step[] {
  const { response, answer } = responseOf(request, turn);
  const steps: Step[] = [];
  const say = (type: string, fields: object, tokens = 0, pauseMs = 0): void => {
    const event = { type: `response.${type}`, sequence_number: steps.length, ...fields };
    steps.push({
      data: `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`,
      tokens,
      pauseMs,
    });
  };
  const begun = { ...response, status: "in_progress", output: [], usage: null };
  say("created", { response: begun });
  say("in_progress", { response: begun });
  let calls = 0;
  for (const [output_index, item] of response.output.entries()) {
    const place = { output_index, item_id: item["id"] };
    switch (item.type) {
      case "reasoning":
        say("output_item.added", { output_index, item: { ...item, summary: [] } });
        for (const delta of answer.reasoning)
          say("reasoning_summary_text.delta", { ...place, summary_index: 0, delta }, 1);
        break;
      case "program":
        say("output_item.added", { output_index, item: { ...item, code: "" } });
        break;
      case "message":
        say("output_item.added", { output_index, item: { ...item, content: [] } });
        for (const delta of answer.text)
          say("output_text.delta", { ...place, content_index: 0, delta }, 1);
        break;
      default: {
        const pauseMs = calls === 0 ? 0 : turn.gapMs;
        say("output_item.added", { output_index, item: { ...item, arguments: "" } }, 3, pauseMs);
        for (const delta of answer.calls[calls]?.pieces ?? [])
          say("function_call_arguments.delta", { ...place, delta }, 1);
        say("function_call_arguments.done", { ...place, arguments: item["arguments"] });
        calls += 1;
      }
    }
    say("output_item.done", { output_index, item });
  }
  say(response.status, { response });
  return steps;
}
