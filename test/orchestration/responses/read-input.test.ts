/** Input items as messages of the chat form. */

import { describe, expect, it } from "vitest";

import type { ResponseItem } from "../../../src/contract/response.ts";
import { readInput } from "../../../src/orchestration/responses/read-input.ts";

function read(...items: readonly ResponseItem[]) {
  const input = readInput(items, (name) => name.replaceAll(".", "_"));
  if (!input.ok) throw new Error(JSON.stringify(input.error));
  return input.value;
}

function refused(...items: readonly ResponseItem[]): readonly string[] {
  const input = readInput(items, (name) => name);
  return input.ok ? [] : input.error.map(({ pointer }) => pointer);
}

const user = (content: string): ResponseItem => ({ role: "user", content });
const ownCall = (call_id: string): ResponseItem => ({
  type: "function_call",
  call_id,
  name: "mine",
  arguments: "{}",
});
const HIDDEN = `call_gw${"A".repeat(22)}_0`;

describe("readInput", () => {
  it("reads texts, images, files and sound", () => {
    const { messages } = read(
      { role: "developer", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "input_text", text: "Look" },
          { type: "input_image", image_url: "https://x.test/a.png", detail: "low" },
          { type: "input_file", filename: "a.pdf", file_data: "data:x" },
          { type: "input_audio", input_audio: { data: "x", format: "wav" } },
        ],
      },
      {
        role: "user",
        content: [
          { type: "input_text", text: "only " },
          { type: "input_text", text: "text" },
        ],
      },
    );
    expect(messages).toEqual([
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "Look" },
          { type: "image_url", image_url: { url: "https://x.test/a.png", detail: "low" } },
          { type: "file", file: { file_data: "data:x", filename: "a.pdf" } },
          { type: "input_audio", input_audio: { data: "x", format: "wav" } },
        ],
      },
      { role: "user", content: "only text" },
    ]);
  });

  it("puts a call's result behind it, and what was said after the result behind that", () => {
    const { messages, newFrom } = read(
      user("Go."),
      { type: "mcp_list_tools", id: "mcpl_1" },
      { type: "reasoning", id: "rs_1", content: [{ type: "reasoning_text", text: "Hm." }] },
      { role: "assistant", content: [{ type: "output_text", text: "Looking." }] },
      { type: "mcp_call", id: "mcp_1", name: "a.b", arguments: '{"n":1}', output: "1" },
      { type: "mcp_call", id: "mcp_2", name: "c", arguments: "", error: "failed: no" },
      { role: "assistant", content: "Done." },
      user("And?"),
    );
    expect(messages).toEqual([
      { role: "user", content: "Go." },
      {
        role: "assistant",
        content: "Looking.",
        reasoning_content: "Hm.",
        tool_calls: [
          { id: "mcp_1", type: "function", function: { name: "a_b", arguments: '{"n":1}' } },
          { id: "mcp_2", type: "function", function: { name: "c", arguments: "{}" } },
        ],
      },
      { role: "tool", tool_call_id: "mcp_1", content: "1" },
      { role: "tool", tool_call_id: "mcp_2", content: '{"error":"failed: no"}' },
      { role: "assistant", content: "Done." },
      { role: "user", content: "And?" },
    ]);
    expect(newFrom).toBe(5);
  });

  it("makes one message of a run that is kept under the client's call ids", () => {
    const { messages, outputs } = read(
      { role: "assistant", content: "One." },
      { type: "mcp_call", id: "mcp_1", name: "a", arguments: "{}", output: "1" },
      { role: "assistant", content: "Two." },
      ownCall(HIDDEN),
      { type: "function_call_output", call_id: HIDDEN, output: "mine" },
    );
    expect(messages).toMatchObject([
      { role: "assistant", content: "One.\n\nTwo.", tool_calls: [{ id: HIDDEN }] },
      { role: "tool", tool_call_id: HIDDEN, content: "mine" },
    ]);
    expect(outputs.get(HIDDEN)).toBe("mine");
  });

  it("counts approvals only where nothing of the model's follows them", () => {
    const word = (id: string): ResponseItem => ({
      type: "mcp_approval_response",
      approval_request_id: id,
      approve: true,
    });
    const { approvals, shownRequests } = read(
      user("Go."),
      { type: "mcp_approval_request", id: "old", arguments: "{}" },
      word("old"),
      { role: "assistant", content: "Done." },
      { type: "mcp_approval_request", id: "new", arguments: '{"n":1}' },
      word("new"),
    );
    expect(approvals).toEqual([{ id: "new", approve: true, reason: null }]);
    expect(shownRequests.get("new")).toBe('{"n":1}');
    expect(read(word("a"), { type: "mcp_list_tools" }).approvals).toEqual([]);
    expect(read(word("a"), ownCall("c")).approvals).toEqual([]);
  });

  it("names every item it cannot carry out", () => {
    expect(
      refused(
        { type: "computer_call", id: "c" },
        { content: "who?" },
        { type: "function_call", name: "x" },
        { type: "function_call_output", output: "x" },
        { type: "function_call_output", call_id: "c" },
        { type: "mcp_approval_response", approve: true },
        { type: "mcp_approval_response", approval_request_id: "a" },
        { role: "user", content: [{ type: "input_image", file_id: "f" }, { type: "video" }] },
      ),
    ).toEqual([
      "/input/0/type",
      "/input/1/role",
      "/input/2",
      "/input/3/call_id",
      "/input/4/output",
      "/input/5/approval_request_id",
      "/input/6/approve",
      "/input/7/content/0",
      "/input/7/content/1",
    ]);
  });
});
