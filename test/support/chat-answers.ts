/** Builds provider answers for parser tests, and folds the parser's events back into what they mean. */

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { ParserOptions } from "../../src/upstream/answer-parser.ts";
import { createChatAnswerParser, createChatStreamParser } from "../../src/upstream/chat-stream.ts";

const utf8 = new TextEncoder();

/** One call as the events describe it. */
export interface SeenCall {
  readonly id: string;
  readonly name: string;
  readonly argumentsJson: string;
}

/** Bytes of a stream with these payloads; `[DONE]` closes it unless `closed` is false. */
export function streamBytes(payloads: readonly unknown[], closed = true): Uint8Array {
  const lines = payloads.map((payload) =>
    typeof payload === "string" ? payload : JSON.stringify(payload),
  );
  return utf8.encode(
    [...lines, ...(closed ? ["[DONE]"] : [])].map((line) => `data: ${line}\n\n`).join(""),
  );
}

/** A chunk whose delta holds these `tool_calls`. */
export function callChunk(...calls: readonly unknown[]): unknown {
  return { choices: [{ index: 0, delta: { tool_calls: calls } }] };
}

/** One entry of `tool_calls`; absent fields are left out. */
export function piece(fields: {
  index?: number;
  id?: string;
  name?: string;
  arguments?: unknown;
}): unknown {
  const { name, arguments: text, ...rest } = fields;
  return {
    ...rest,
    type: "function",
    function: {
      ...(name === undefined ? {} : { name }),
      ...(text === undefined ? {} : { arguments: text }),
    },
  };
}

/** The events of these chunks of bytes, ids made up as `made-1`, `made-2` … */
export function parseChunks(
  chunks: readonly Uint8Array[],
  options: ParserOptions = {},
): ModelEvent[] {
  let made = 0;
  const newCallId = () => {
    made += 1;
    return `made-${made}`;
  };
  const parser = createChatStreamParser({ newCallId, ...options });
  const events = chunks.flatMap((chunk) => [...parser.push(chunk)]);
  return [...events, ...parser.end()];
}

/** The events of a stream with these payloads. */
export function parsePayloads(
  payloads: readonly unknown[],
  options: ParserOptions = {},
): ModelEvent[] {
  return parseChunks([streamBytes(payloads)], options);
}

/** The events of an answer that is not streamed. */
export function parseChatCompletion(json: unknown, options: ParserOptions = {}): ModelEvent[] {
  const parser = createChatAnswerParser(options);
  return [...parser.push(utf8.encode(JSON.stringify(json))), ...parser.end()];
}

/** The calls in the events. Throws when indexes have gaps or arguments come before their call. */
export function callsOf(events: readonly ModelEvent[]): SeenCall[] {
  const calls: { id: string; name: string; argumentsJson: string }[] = [];
  for (const event of events) {
    if (event.type === "call") {
      if (event.index !== calls.length)
        throw new Error(`call ${event.index} after ${calls.length}`);
      calls.push({ id: event.id, name: event.name, argumentsJson: "" });
    }
    if (event.type === "call_arguments") {
      const call = calls[event.index];
      if (call === undefined || event.delta === "")
        throw new Error("arguments without a call, or empty");
      call.argumentsJson += event.delta;
    }
  }
  return calls;
}

/** Text of one delta field, all deltas together. */
export function textOf(events: readonly ModelEvent[], field: string): string {
  let text = "";
  for (const event of events) {
    const value = event.type === "delta" ? event.delta[field] : "";
    if (typeof value === "string") text += value;
  }
  return text;
}
