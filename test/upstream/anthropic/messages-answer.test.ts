/** Answers of the Messages API beyond what was recorded: thinking, several calls, errors, cuts. */

import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import { createMessagesParser } from "../../../src/upstream/anthropic/messages-answer.ts";
import { callsOf, textOf } from "../../support/chat-answers.ts";

const utf8 = new TextEncoder();
const INVALID = { type: "failed", error: { code: "upstream_invalid_response" } };

function read(events: readonly unknown[]): readonly ModelEvent[] {
  const parser = createMessagesParser(true);
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  return [...parser.push(utf8.encode(text)), ...parser.end()];
}

const START = {
  type: "message_start",
  message: { model: "claude", usage: { input_tokens: 10, cache_read_input_tokens: 5 } },
};
const STOP = { type: "message_stop" };

function open(index: number, content_block: object): object {
  return { type: "content_block_start", index, content_block };
}

function delta(index: number, fields: object): object {
  return { type: "content_block_delta", index, delta: fields };
}

function close(index: number): object {
  return { type: "content_block_stop", index };
}

function end(stop_reason: string): object[] {
  return [
    {
      type: "message_delta",
      delta: { stop_reason },
      usage: { output_tokens: 7, cache_creation_input_tokens: 2 },
    },
    STOP,
  ];
}

describe("createMessagesParser", () => {
  it("gives thinking as reasoning and keeps its signature with it", () => {
    const events = read([
      START,
      open(0, { type: "thinking", thinking: "", signature: "" }),
      delta(0, { type: "thinking_delta", thinking: "Let me " }),
      delta(0, { type: "thinking_delta", thinking: "see." }),
      delta(0, { type: "signature_delta", signature: "sig" }),
      close(0),
      open(1, { type: "redacted_thinking", data: "cipher" }),
      close(1),
      open(2, { type: "text", text: "" }),
      delta(2, { type: "text_delta", text: "Hello" }),
      close(2),
      ...end("end_turn"),
    ]);
    const format = "anthropic-claude-v1";
    expect(events).toEqual([
      { type: "meta", meta: { model: "claude" } },
      { type: "delta", delta: { reasoning_content: "Let me " } },
      { type: "delta", delta: { reasoning_content: "see." } },
      {
        type: "delta",
        delta: {
          reasoning_details: [
            { type: "reasoning.text", text: "Let me see.", signature: "sig", format },
          ],
        },
      },
      {
        type: "delta",
        delta: { reasoning_details: [{ type: "reasoning.encrypted", data: "cipher", format }] },
      },
      { type: "delta", delta: { content: "Hello" } },
      {
        type: "usage",
        usage: {
          prompt_tokens: 17,
          completion_tokens: 7,
          total_tokens: 24,
          prompt_tokens_details: { cached_tokens: 5, cache_creation_tokens: 2 },
        },
      },
      { type: "finish", reason: "stop" },
    ]);
  });

  it("counts calls without gaps between other blocks, with or without deltas", () => {
    const events = read([
      START,
      open(0, { type: "tool_use", id: "a", name: "one", input: {} }),
      delta(0, { type: "input_json_delta", partial_json: "" }),
      close(0),
      open(1, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
      delta(1, { type: "input_json_delta", partial_json: '{"query":"x"}' }),
      close(1),
      open(2, { type: "web_search_tool_result", tool_use_id: "s", content: [] }),
      close(2),
      open(3, { type: "tool_use", id: "b", name: "two", input: { whole: true } }),
      close(3),
      ...end("tool_use"),
    ]);
    expect(callsOf(events)).toEqual([
      { id: "a", name: "one", argumentsJson: "{}" },
      { id: "b", name: "two", argumentsJson: '{"whole":true}' },
    ]);
  });

  it("makes paragraphs of texts that something stood between, and one text of others", () => {
    const text = (index: number, said: string) => [
      open(index, { type: "text", text: "" }),
      delta(index, { type: "text_delta", text: said }),
      close(index),
    ];
    const search = [
      open(2, { type: "server_tool_use", id: "s", name: "web_search", input: {} }),
      close(2),
    ];
    const events = read([
      START,
      ...text(0, "One,"),
      ...text(1, " two."),
      ...search,
      ...text(3, "Three."),
      ...end("end_turn"),
    ]);
    expect(textOf(events, "content")).toBe("One, two.\n\nThree.");
  });

  it.each([
    ["max_tokens", "length"],
    ["stop_sequence", "stop"],
    ["refusal", "content_filter"],
    ["model_context_window_exceeded", "length"],
    ["something new", "stop"],
  ])("says the end %s as %s", (reason, expected) => {
    expect(read([START, ...end(reason)]).at(-1)).toEqual({ type: "finish", reason: expected });
  });

  it("fails on an error in the stream, with its status and without its prose", () => {
    const error = { type: "overloaded_error", message: "secret prose" };
    expect(read([START, { type: "error", error }]).at(-1)).toEqual({
      type: "failed",
      error: {
        code: "upstream_rejected",
        upstreamStatus: 503,
        upstreamCode: "overloaded_error",
        retryAfterMs: null,
      },
    });
  });

  it.each<[string, readonly unknown[]]>([
    ["is cut before its stop reason", [START, open(0, { type: "text", text: "Hi" })]],
    ["does not begin", [open(0, { type: "text", text: "" })]],
    ["opens a block twice", [START, open(0, { type: "text" }), open(0, { type: "text" })]],
    ["extends a block that is not open", [START, delta(3, { type: "text_delta", text: "x" })]],
    ["names no tool", [START, open(0, { type: "tool_use", id: "a", name: "" })]],
    ["is no object", [START, 7]],
  ])("fails when the answer %s", (_, events) => {
    expect(read(events).at(-1)).toEqual(INVALID);
  });

  it("takes an answer whose stop reason has come as whole, though its end is missing", () => {
    expect(read([START, ...end("end_turn").slice(0, 1)]).at(-1)).toEqual({
      type: "finish",
      reason: "stop",
    });
  });

  it("fails on a whole answer that is an error or no message", () => {
    for (const json of [{ type: "error", error: { type: "api_error" } }, { content: [] }, null]) {
      const parser = createMessagesParser(false);
      parser.push(utf8.encode(JSON.stringify(json)));
      expect(parser.end().at(-1)?.type).toBe("failed");
    }
  });
});
