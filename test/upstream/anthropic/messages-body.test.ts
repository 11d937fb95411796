/** Chat requests as requests of the Messages API. */

import { describe, expect, it } from "vitest";

import type { JsonObject } from "../../../src/platform/canonical-json.ts";
import { messagesBody } from "../../../src/upstream/anthropic/messages-body.ts";

/** The request made of a conversation and further fields. */
function bodyOf(messages: readonly JsonObject[], fields: JsonObject = {}): JsonObject {
  const made = messagesBody({ model: "claude", messages, ...fields });
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value;
}

const HELLO: JsonObject = { role: "user", content: "Hello" };
const TOOL: JsonObject = {
  type: "function",
  function: { name: "weather", description: "Weather.", parameters: { type: "object" } },
};

function call(id: string, args: string): JsonObject {
  return { id, type: "function", function: { name: "weather", arguments: args } };
}

describe("messagesBody", () => {
  it("takes the system messages apart and lets the two roles take turns", () => {
    const body = bodyOf([
      { role: "system", content: "Be brief." },
      HELLO,
      { role: "developer", content: "Be kind." },
      { role: "user", content: [{ type: "text", text: "Anybody?" }] },
      { role: "assistant", content: "Yes." },
    ]);
    expect(body).toEqual({
      model: "claude",
      max_tokens: 4096,
      stream: false,
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "Be kind." },
      ],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "Hello" },
            { type: "text", text: "Anybody?" },
          ],
        },
        { role: "assistant", content: [{ type: "text", text: "Yes." }] },
      ],
    });
  });

  it("makes blocks of calls and results, results of one turn in one message", () => {
    const { messages } = bodyOf([
      HELLO,
      { role: "assistant", content: null, tool_calls: [call("a", '{"n":1}'), call("b:0", "oops")] },
      { role: "tool", tool_call_id: "a", content: "sun" },
      { role: "tool", tool_call_id: "b:0", content: "" },
      { role: "user", content: "And?" },
    ]);
    expect(messages).toEqual([
      { role: "user", content: [{ type: "text", text: "Hello" }] },
      {
        role: "assistant",
        content: [
          { type: "tool_use", id: "a", name: "weather", input: { n: 1 } },
          { type: "tool_use", id: "b_0", name: "weather", input: { arguments: "oops" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "tool_result", tool_use_id: "a", content: [{ type: "text", text: "sun" }] },
          { type: "tool_result", tool_use_id: "b_0" },
          { type: "text", text: "And?" },
        ],
      },
    ]);
  });

  it("sends thinking back, unchanged and only with the calls it led to", () => {
    const reasoning_details = [
      { type: "reasoning.text", text: "hm", signature: "s", format: "anthropic-claude-v1" },
      { type: "reasoning.encrypted", data: "x", format: "anthropic-claude-v1" },
      { type: "reasoning.text", text: "foreign", signature: "s", format: "other" },
    ];
    const { messages } = bodyOf([
      { role: "assistant", content: "Well.", reasoning_details },
      HELLO,
      { role: "assistant", content: null, tool_calls: [call("a", "{}")], reasoning_details },
    ]);
    expect(messages).toMatchObject([
      { content: [{ type: "text" }] },
      {},
      {
        content: [
          { type: "thinking", thinking: "hm", signature: "s" },
          { type: "redacted_thinking", data: "x" },
          { type: "tool_use" },
        ],
      },
    ]);
  });

  it("goes on without thinking when the client has lost what led to its calls", () => {
    const thinking = { type: "enabled", budget_tokens: 2000 };
    const lost = [
      HELLO,
      { role: "assistant", content: null, tool_calls: [call("a", "{}")] },
      { role: "tool", tool_call_id: "a", content: "sun" },
    ];
    expect(bodyOf(lost, { thinking })["thinking"]).toEqual({ type: "disabled" });
    expect(bodyOf([...lost, HELLO], { thinking })["thinking"]).toEqual(thinking);
    expect(bodyOf([HELLO], { thinking })["max_tokens"]).toBe(6096);
  });

  it("shows images and documents, and names the place of what it cannot show", () => {
    const png = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const link = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
    const file = { type: "file", file: { file_data: "data:application/pdf;base64,BBBB" } };
    const { messages } = bodyOf([{ role: "user", content: [png, link, file] }]);
    expect(messages).toMatchObject([
      {
        content: [
          { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } },
          { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
          { type: "document", source: { type: "base64", media_type: "application/pdf" } },
        ],
      },
    ]);
    const audio = { type: "input_audio", input_audio: { data: "", format: "wav" } };
    expect(
      messagesBody({ model: "m", messages: [HELLO, { role: "user", content: [png, audio] }] }),
    ).toMatchObject({
      ok: false,
      error: { violations: [{ pointer: "/messages/1/content/1" }] },
    });
  });

  it.each<[string, JsonObject, JsonObject | undefined]>([
    ["auto", { tool_choice: "auto" }, { type: "auto" }],
    ["none", { tool_choice: "none" }, { type: "none" }],
    ["required", { tool_choice: "required" }, { type: "any" }],
    [
      "a named tool",
      { tool_choice: { type: "function", function: { name: "weather" } } },
      { type: "tool", name: "weather" },
    ],
    [
      "one call at a time",
      { parallel_tool_calls: false },
      { type: "auto", disable_parallel_tool_use: true },
    ],
    [
      "one required call",
      { parallel_tool_calls: false, tool_choice: "required" },
      { type: "any", disable_parallel_tool_use: true },
    ],
    ["nothing", {}, undefined],
  ])("says %s in the provider's words", (_, fields, choice) => {
    expect(bodyOf([HELLO], { tools: [TOOL], ...fields })["tool_choice"]).toEqual(choice);
  });

  it("offers only the allowed tools", () => {
    const other = { type: "function", function: { name: "other" } };
    const body = bodyOf([HELLO], {
      tools: [TOOL, other],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: {
          mode: "required",
          tools: [{ type: "function", function: { name: "other" } }],
        },
      },
    });
    expect(body["tools"]).toEqual([{ name: "other", input_schema: { type: "object" } }]);
    expect(body["tool_choice"]).toEqual({ type: "any" });
  });

  it("translates the other fields, passes on the provider's own and leaves the rest out", () => {
    const schema = { type: "object" };
    const body = bodyOf([HELLO], {
      max_completion_tokens: 100,
      stop: ["END", " "],
      temperature: 0.5,
      top_k: 3,
      user: "u1",
      reasoning_effort: "minimal",
      response_format: { type: "json_schema", json_schema: { name: "place", schema } },
      stream: true,
      seed: 7,
      logprobs: true,
      frequency_penalty: 1,
    });
    expect(body).toEqual({
      model: "claude",
      messages: [{ role: "user", content: [{ type: "text", text: "Hello" }] }],
      max_tokens: 100,
      stop_sequences: ["END"],
      temperature: 0.5,
      top_k: 3,
      metadata: { user_id: "u1" },
      output_config: { format: { type: "json_schema", schema }, effort: "low" },
      stream: true,
    });
    expect(
      messagesBody({ model: "m", messages: [HELLO], response_format: { type: "json_object" } }),
    ).toMatchObject({ ok: false, error: { violations: [{ pointer: "/response_format" }] } });
  });
});
