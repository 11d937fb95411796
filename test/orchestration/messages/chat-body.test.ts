/** Messages requests in chat form. */

import { describe, expect, it } from "vitest";

import type { MessagesRequest } from "../../../src/contract/messages.ts";
import { chatBody } from "../../../src/orchestration/messages/chat-body.ts";

const MESSAGES = { isMessages: true, isOpenAI: false };
const OTHER = { isMessages: false, isOpenAI: false };

type Messages = MessagesRequest["messages"];

function body(messages: Messages, fields: object = {}, target = OTHER) {
  const made = chatBody({ model: "m", max_tokens: 10, messages, ...fields }, target);
  if (!made.ok) throw new Error(JSON.stringify(made.error));
  return made.value;
}

function refusal(messages: Messages, fields: object = {}, target = OTHER) {
  const made = chatBody({ model: "m", max_tokens: 10, messages, ...fields }, target);
  return made.ok || !("violations" in made.error)
    ? []
    : made.error.violations.map(({ pointer }) => pointer);
}

const HELLO: Messages[number] = { role: "user", content: "Hello" };
const USED = { type: "mcp_tool_use", id: "a", name: "shop.buy", input: { n: 1 } };
const GAVE = {
  type: "mcp_tool_result",
  tool_use_id: "a",
  content: [{ type: "text", text: "bought" }],
};

describe("chatBody", () => {
  it("takes a message of ours apart into the turns it shows", () => {
    const { messages } = body([
      HELLO,
      {
        role: "assistant",
        content: [
          { type: "text", text: "Buying." },
          USED,
          GAVE,
          { type: "text", text: "Bought" },
          { type: "text", text: "." },
        ],
      },
    ]);
    expect(messages).toEqual([
      HELLO,
      {
        role: "assistant",
        content: "Buying.",
        tool_calls: [
          { id: "a", type: "function", function: { name: "shop_buy", arguments: '{"n":1}' } },
        ],
      },
      { role: "tool", tool_call_id: "a", content: "bought" },
      { role: "assistant", content: "Bought." },
    ]);
  });

  it("leaves to the gateway what it keeps of a turn with the client's calls", () => {
    const id = `call_gw${"0".repeat(22)}_0`;
    const { messages } = body([
      HELLO,
      {
        role: "assistant",
        content: [
          { type: "text", text: "Both." },
          { type: "tool_use", id, name: "mine", input: {} },
          USED,
          GAVE,
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: id, content: "own" }] },
    ]);
    expect(messages).toEqual([
      HELLO,
      {
        role: "assistant",
        content: "Both.",
        tool_calls: [{ id, type: "function", function: { name: "mine", arguments: "{}" } }],
      },
      { role: "tool", tool_call_id: id, content: "own" },
    ]);
  });

  it("drops a gateway call that was cut off before its result", () => {
    const { messages } = body([HELLO, { role: "assistant", content: [USED] }, HELLO]);
    expect(messages).toEqual([HELLO, HELLO]);
  });

  it("puts results first and what they show behind them", () => {
    const source = { type: "base64", media_type: "image/png", data: "AAAA" };
    const result = {
      type: "tool_result",
      tool_use_id: "a",
      is_error: true,
      content: [
        { type: "text", text: "a picture" },
        { type: "image", source },
      ],
    };
    const user: Messages[number] = { role: "user", content: [result, { type: "text", text: "?" }] };
    const picture = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
    const tool = { role: "tool", tool_call_id: "a", content: "a picture" };
    const said = { role: "user", content: [picture, { type: "text", text: "?" }] };
    expect(body([user]).messages).toEqual([tool, said]);
    expect(body([user], {}, MESSAGES).messages).toEqual([{ ...tool, is_error: true }, said]);
  });

  it("gives thinking back to a provider that made it, and to no other", () => {
    const thinking = { type: "thinking", thinking: "hm", signature: "sig" };
    const carried = { type: "redacted_thinking", data: 'gw1.{"format":"openai-responses-v1"}' };
    const call = { type: "tool_use", id: "a", name: "mine", input: {} };
    const turn: Messages = [HELLO, { role: "assistant", content: [thinking, carried, call] }];
    expect(body(turn, {}, MESSAGES).messages[1]).toMatchObject({
      reasoning_details: [
        { type: "reasoning.text", text: "hm", signature: "sig", format: "anthropic-claude-v1" },
      ],
    });
    expect(body(turn).messages[1]).toMatchObject({
      reasoning_details: [{ format: "openai-responses-v1" }],
    });
  });

  it("asks for a format and an effort in OpenAI's words, and names the limit as OpenAI does", () => {
    const schema = { type: "object" };
    const output_config = { format: { type: "json_schema", schema }, effort: "low" };
    expect(body([HELLO], { output_config }, { isMessages: false, isOpenAI: true })).toMatchObject({
      max_completion_tokens: 10,
      reasoning_effort: "low",
      response_format: { json_schema: { name: "output", schema, strict: true } },
    });
    expect(body([HELLO], { output_config }, MESSAGES)).toMatchObject({
      max_tokens: 10,
      output_config,
    });
  });

  it("passes on documents, links and the provider's own tools where they are understood", () => {
    const pdf = { type: "base64", media_type: "application/pdf", data: "BBBB" };
    const content = [
      { type: "document", source: pdf, title: "a.pdf" },
      { type: "document", source: { type: "text", data: "plain" } },
      { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
      { type: "search_result", content: [{ type: "text", text: "found" }] },
    ];
    const file_data = "data:application/pdf;base64,BBBB";
    expect(body([{ role: "user", content }]).messages[0]).toMatchObject({
      content: [
        { type: "file", file: { filename: "a.pdf", file_data } },
        { type: "text", text: "plain" },
        { type: "image_url", image_url: { url: "https://example.com/a.png" } },
        { type: "text" },
      ],
    });
    const tools = [{ type: "bash_20250124", name: "bash" }];
    expect(body([HELLO], { tools }, MESSAGES).tools).toEqual(tools);
    expect(refusal([HELLO], { tools })).toEqual(["/tools/0/type"]);
  });

  it("names the place of what it does not understand", () => {
    expect(
      refusal([HELLO, { role: "user", content: [{ type: "hologram" }] }], {
        system: [{ type: "image", source: {} }],
        tools: [{ input_schema: {} }],
      }),
    ).toEqual(["/system/0", "/messages/1/content/0", "/tools/0"]);
  });
});
