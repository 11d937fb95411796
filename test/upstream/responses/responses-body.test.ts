/** Chat requests as requests of the Responses API. */

import { describe, expect, it } from "vitest";

import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { responsesBody } from "../../../src/upstream/responses/responses-body.ts";

function bodyOf(messages: readonly JsonObject[], fields: JsonObject = {}): JsonObject {
  const made = responsesBody({ model: "gpt", messages, ...fields });
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value;
}

const HELLO: JsonObject = { role: "user", content: "Hello" };

describe("responsesBody", () => {
  it("makes items of messages, calls and results, in their order", () => {
    const { input } = bodyOf([
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "Hi" }] },
      {
        role: "assistant",
        content: "Let me look.",
        tool_calls: [
          { id: "a", type: "function", function: { name: "weather", arguments: '{"n":1}' } },
          { id: "b", type: "custom", custom: { name: "sql", input: "SELECT 1" } },
        ],
      },
      { role: "tool", tool_call_id: "a", content: "sun" },
      { role: "tool", tool_call_id: "b", content: [{ type: "text", text: "1" }] },
    ]);
    expect(input).toEqual([
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "input_text", text: "Hi" }] },
      { role: "assistant", content: "Let me look." },
      { type: "function_call", call_id: "a", name: "weather", arguments: '{"n":1}' },
      { type: "custom_tool_call", call_id: "b", name: "sql", input: "SELECT 1" },
      { type: "function_call_output", call_id: "a", output: "sun" },
      {
        type: "custom_tool_call_output",
        call_id: "b",
        output: [{ type: "input_text", text: "1" }],
      },
    ]);
  });

  it("sends kept items back before the calls they led to, and who called", () => {
    const item = { type: "reasoning", id: "rs_1", encrypted_content: "cipher", summary: [] };
    const reasoning_details = [
      { type: "openai.reasoning", format: "openai-responses-v1", item },
      { type: "reasoning.text", format: "anthropic-claude-v1", text: "x", signature: "y" },
    ];
    const caller = { type: "program", caller_id: "call_p" };
    const call = {
      id: "a",
      type: "function",
      function: { name: "weather", arguments: "{}" },
      responses_item: { caller },
    };
    const { input } = bodyOf([
      { role: "assistant", content: "Earlier.", reasoning_details },
      HELLO,
      { role: "assistant", content: null, tool_calls: [call], reasoning_details },
      { role: "tool", tool_call_id: "a", content: "sun" },
    ]);
    expect(input).toEqual([
      { role: "assistant", content: "Earlier." },
      HELLO,
      item,
      { type: "function_call", call_id: "a", name: "weather", arguments: "{}", caller },
      { type: "function_call_output", call_id: "a", output: "sun" },
    ]);
  });

  it("flattens tools, choices and formats, and stores nothing", () => {
    const schema = { type: "object" };
    const body = bodyOf([HELLO], {
      tools: [
        { type: "function", function: { name: "weather", description: "W", parameters: schema } },
        {
          type: "custom",
          custom: {
            name: "sql",
            format: { type: "grammar", grammar: { syntax: "lark", definition: "x" } },
          },
        },
        { type: "web_search" },
      ],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: {
          mode: "auto",
          tools: [{ type: "function", function: { name: "weather" } }],
        },
      },
      response_format: {
        type: "json_schema",
        json_schema: { name: "place", schema, strict: true },
      },
      reasoning_effort: "low",
      verbosity: "high",
      max_tokens: 50,
      stream: true,
      seed: 3,
    });
    expect(body).toEqual({
      model: "gpt",
      input: [HELLO],
      tools: [
        { type: "function", name: "weather", description: "W", parameters: schema, strict: false },
        {
          type: "custom",
          name: "sql",
          format: { type: "grammar", syntax: "lark", definition: "x" },
        },
        { type: "web_search" },
      ],
      tool_choice: {
        type: "allowed_tools",
        mode: "auto",
        tools: [{ type: "function", name: "weather" }],
      },
      text: {
        format: { type: "json_schema", name: "place", schema, strict: true },
        verbosity: "high",
      },
      reasoning: { effort: "low" },
      max_output_tokens: 50,
      include: ["reasoning.encrypted_content"],
      store: false,
      stream: true,
    });
  });

  it("names the places of what the API cannot do", () => {
    const audio = { type: "input_audio", input_audio: {} };
    expect(
      responsesBody({ model: "m", stop: "END", messages: [{ role: "user", content: [audio] }] }),
    ).toMatchObject({
      ok: false,
      error: {
        code: "validation_failed",
        violations: [{ pointer: "/messages/0/content/0" }, { pointer: "/stop" }],
      },
    });
  });
});
