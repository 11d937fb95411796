/** Chat completions that are not streamed, as model events. */

import { describe, expect, it } from "vitest";

import { MAX_ANSWER_CHARS } from "../../src/upstream/answer-parser.ts";
import { createChatAnswerParser } from "../../src/upstream/chat-stream.ts";
import { callsOf, parseChatCompletion, piece, textOf } from "../support/chat-answers.ts";

const INVALID = { type: "failed", error: { code: "upstream_invalid_response" } };
const utf8 = new TextEncoder();

describe("parseChatCompletion", () => {
  it("gives the events of a whole answer, finish last", () => {
    const events = parseChatCompletion({
      model: "m",
      choices: [
        {
          index: 0,
          finish_reason: "tool_calls",
          message: {
            role: "assistant",
            content: "Let me look.",
            tool_calls: [piece({ id: "a", name: "one", arguments: '{"x":1}' })],
          },
        },
      ],
      usage: { total_tokens: 3 },
    });
    expect(events).toEqual([
      { type: "meta", meta: { model: "m" } },
      { type: "delta", delta: { content: "Let me look." } },
      { type: "call", index: 0, id: "a", name: "one" },
      { type: "call_arguments", index: 0, delta: '{"x":1}' },
      { type: "usage", usage: { total_tokens: 3 } },
      { type: "finish", reason: "tool_calls" },
    ]);
  });

  it("keeps identical calls without ids apart", () => {
    const call = piece({ name: "roll", arguments: "{}" });
    const events = parseChatCompletion({
      choices: [{ message: { tool_calls: [call, call] }, finish_reason: null }],
    });
    expect(callsOf(events)).toHaveLength(2);
    expect(events.at(-1)).toEqual({ type: "finish", reason: "tool_calls" });
  });

  it.each([
    null,
    [],
    "text",
    {},
    { choices: [] },
    { choices: [{ message: { tool_calls: ["x"] } }] },
  ])("fails on %j", (json) => {
    expect(parseChatCompletion(json)).toEqual([INVALID]);
  });

  it("fails on an error object", () => {
    expect(parseChatCompletion({ error: { code: "nope" } })).toMatchObject([
      { type: "failed", error: { upstreamCode: "nope" } },
    ]);
  });
});

describe("createChatAnswerParser", () => {
  const whole = utf8.encode(
    JSON.stringify({ choices: [{ message: { content: "grüße" }, finish_reason: "stop" }] }),
  );

  it("gives everything at the end, however the bytes were cut", () => {
    const parser = createChatAnswerParser();
    for (const byte of whole) expect(parser.push(new Uint8Array([byte]))).toEqual([]);
    expect(parser.finishSeen).toBe(false);
    expect(textOf(parser.end(), "content")).toBe("grüße");
    expect(parser.done).toBe(true);
    expect(parser.end()).toEqual([]);
  });

  it.each([
    ["no JSON", utf8.encode("<html>")],
    ["a character that never ends", new Uint8Array([0xf0, 0x9f])],
  ])("fails at the end on %s", (_, bytes) => {
    const parser = createChatAnswerParser();
    expect(parser.push(bytes)).toEqual([]);
    expect(parser.end()).toEqual([INVALID]);
  });

  it("fails at once on broken UTF-8 and past its size, and says nothing more", () => {
    for (const bytes of [new Uint8Array([0xff]), utf8.encode("x".repeat(MAX_ANSWER_CHARS + 1))]) {
      const parser = createChatAnswerParser();
      expect(parser.push(bytes)).toEqual([INVALID]);
      expect(parser.done).toBe(true);
      expect(parser.push(whole)).toEqual([]);
      expect(parser.end()).toEqual([]);
    }
  });
});
