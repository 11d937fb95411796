/** What Workers AI does differently from the API it is compatible with. */

import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import {
  createChatAnswerParser,
  createChatStreamParser,
} from "../../../src/upstream/chat-stream.ts";
import { workersAiBody } from "../../../src/upstream/workers-ai/workers-ai-body.ts";
import { openAIChunk } from "../../../src/upstream/workers-ai/workers-ai-chunk.ts";
import { callsOf, streamBytes, textOf } from "../../support/chat-answers.ts";

const options = { asChunk: openAIChunk, newCallId: () => "made" };

function streamed(payloads: readonly unknown[]): readonly ModelEvent[] {
  const parser = createChatStreamParser(options);
  return [...parser.push(streamBytes(payloads)), ...parser.end()];
}

function whole(json: unknown): readonly ModelEvent[] {
  const parser = createChatAnswerParser(options);
  return [...parser.push(new TextEncoder().encode(JSON.stringify(json))), ...parser.end()];
}

describe("workersAiBody", () => {
  it("leaves no content null and names a forced tool by offering it alone", () => {
    const tool = (name: string) => ({ type: "function", function: { name } });
    expect(
      workersAiBody({
        model: "@cf/meta/llama",
        messages: [
          { role: "user", content: "Hi" },
          { role: "assistant", content: null },
        ],
        tools: [tool("one"), tool("two")],
        tool_choice: tool("two"),
        seed: 1,
      }),
    ).toEqual({
      model: "@cf/meta/llama",
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "" },
      ],
      tools: [tool("two")],
      tool_choice: "required",
      seed: 1,
    });
  });

  it("leaves everything else as it is", () => {
    const body = { model: "m", messages: [{ role: "user", content: "x" }], tool_choice: "auto" };
    expect(workersAiBody(body)).toEqual(body);
  });
});

describe("openAIChunk", () => {
  it("reads a stream in the native format", () => {
    const events = streamed([
      { response: "Hel", p: "abc" },
      { response: "lo" },
      { response: "", usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } },
    ]);
    expect(textOf(events, "content")).toBe("Hello");
    expect(events.slice(-2)).toMatchObject([
      { type: "usage", usage: { total_tokens: 3 } },
      { type: "finish", reason: "stop" },
    ]);
  });

  it("reads a whole native answer with flat calls, in its envelope", () => {
    const tool_calls = [
      { name: "one", arguments: { n: 1 } },
      { name: "two", arguments: {} },
    ];
    const events = whole({ success: true, errors: [], result: { response: null, tool_calls } });
    expect(callsOf(events)).toMatchObject([
      { name: "one", argumentsJson: '{"n":1}' },
      { name: "two", argumentsJson: "{}" },
    ]);
    expect(events.at(-1)).toEqual({ type: "finish", reason: "tool_calls" });
  });

  it("writes out an answer that is a value", () => {
    expect(textOf(whole({ result: { response: { city: "Paris" } } }), "content")).toBe(
      '{"city":"Paris"}',
    );
  });

  it("passes over the piece that closes a call with nulls", () => {
    const events = streamed([
      {
        choices: [
          {
            index: 0,
            delta: {
              tool_calls: [{ index: 0, id: "a", function: { name: "one", arguments: '{"n":1}' } }],
            },
          },
        ],
      },
      {
        choices: [
          {
            index: 0,
            delta: {
              tool_calls: [
                { index: 0, id: null, type: null, function: { name: null, arguments: "" } },
              ],
            },
          },
        ],
      },
      { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
    ]);
    expect(callsOf(events)).toEqual([{ id: "a", name: "one", argumentsJson: '{"n":1}' }]);
  });

  it("fails with the code of a Cloudflare error", () => {
    const json = {
      success: false,
      result: null,
      errors: [{ code: 5007, message: "No such model" }],
    };
    expect(whole(json)).toEqual([
      {
        type: "failed",
        error: {
          code: "upstream_rejected",
          upstreamStatus: 500,
          upstreamCode: "5007",
          retryAfterMs: null,
        },
      },
    ]);
  });
});
