/** Answers of the Responses API beyond what was recorded: lost deltas, late names, contradictions, cuts. */

import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../../src/contract/chat.ts";
import { createResponsesParser } from "../../../src/upstream/responses/responses-answer.ts";
import { callsOf, textOf } from "../../support/chat-answers.ts";

const utf8 = new TextEncoder();
const INVALID = { type: "failed", error: { code: "upstream_invalid_response" } };

function read(events: readonly unknown[]): readonly ModelEvent[] {
  const parser = createResponsesParser(true, { newCallId: () => "made" });
  const text = events.map((one) => `data: ${JSON.stringify(one)}\n\n`).join("");
  return [...parser.push(utf8.encode(`${text}data: [DONE]\n\n`)), ...parser.end()];
}

function event(type: string, output_index: number, fields: object): object {
  return { type: `response.${type}`, output_index, ...fields };
}

function completed(response: object = {}): object {
  return { type: "response.completed", response: { status: "completed", output: [], ...response } };
}

const CALL = { type: "function_call", call_id: "a", name: "one", arguments: "" };

describe("createResponsesParser", () => {
  it("makes good what was lost of a call's deltas", () => {
    const events = read([
      event("output_item.added", 0, { item: CALL }),
      event("function_call_arguments.delta", 0, { delta: '{"n"' }),
      event("output_item.done", 0, { item: { ...CALL, arguments: '{"n":1}' } }),
      completed(),
    ]);
    expect(callsOf(events)).toEqual([{ id: "a", name: "one", argumentsJson: '{"n":1}' }]);
    expect(events.at(-1)).toEqual({ type: "finish", reason: "tool_calls" });
  });

  it("fails when the whole arguments contradict their pieces", () => {
    const events = read([
      event("output_item.added", 0, { item: CALL }),
      event("function_call_arguments.delta", 0, { delta: '{"m"' }),
      event("function_call_arguments.done", 0, { arguments: '{"n":1}' }),
    ]);
    expect(events.at(-1)).toEqual(INVALID);
  });

  it("opens a call whose name comes last, and fills empty arguments", () => {
    const events = read([
      event("output_item.added", 0, { item: { ...CALL, name: "" } }),
      event("function_call_arguments.delta", 0, { delta: "{}" }),
      event("output_item.done", 0, { item: { ...CALL, arguments: "{}" } }),
      event("output_item.added", 1, { item: { ...CALL, call_id: "" } }),
      event("output_item.done", 1, { item: { ...CALL, call_id: "" } }),
      completed(),
    ]);
    expect(callsOf(events)).toEqual([
      { id: "a", name: "one", argumentsJson: "{}" },
      { id: "made", name: "one", argumentsJson: "{}" },
    ]);
  });

  it("keeps parallel calls apart however their events interleave", () => {
    const events = read([
      event("output_item.added", 0, { item: CALL }),
      event("output_item.added", 1, { item: { ...CALL, call_id: "b", name: "two" } }),
      event("function_call_arguments.delta", 1, { delta: '{"b":' }),
      event("function_call_arguments.delta", 0, { delta: '{"a":' }),
      event("function_call_arguments.delta", 1, { delta: "2}" }),
      event("function_call_arguments.delta", 0, { delta: "1}" }),
      event("output_item.done", 1, { item: { ...CALL, name: "two", arguments: '{"b":2}' } }),
      event("output_item.done", 0, { item: { ...CALL, arguments: '{"a":1}' } }),
      completed(),
    ]);
    expect(callsOf(events)).toEqual([
      { id: "a", name: "one", argumentsJson: '{"a":1}' },
      { id: "b", name: "two", argumentsJson: '{"b":2}' },
    ]);
  });

  it("reads an answer that streamed nothing from its last event", () => {
    const message = { type: "message", content: [{ type: "output_text", text: "Hello" }] };
    const thought = { type: "reasoning", summary: [{ type: "summary_text", text: "Hm." }] };
    const output = [thought, message, { ...CALL, arguments: '{"n":1}' }];
    for (const events of [read([completed({ output })]), whole({ object: "response", output })]) {
      expect(textOf(events, "content")).toBe("Hello");
      expect(textOf(events, "reasoning_content")).toBe("Hm.");
      expect(callsOf(events)).toHaveLength(1);
    }
  });

  it("makes paragraphs of summaries and of messages", () => {
    const say = (item: number, part: number, delta: string) =>
      event("output_text.delta", item, { content_index: part, delta });
    const think = (part: number, delta: string) =>
      event("reasoning_summary_text.delta", 0, { summary_index: part, delta });
    const events = read([
      think(0, "One."),
      think(1, "Two."),
      say(1, 0, "First"),
      say(1, 0, "."),
      event("refusal.delta", 3, { delta: "No." }),
      say(2, 0, "Second."),
      completed(),
    ]);
    expect(textOf(events, "reasoning_content")).toBe("One.\n\nTwo.");
    expect(textOf(events, "content")).toBe("First.\n\nSecond.");
    expect(textOf(events, "refusal")).toBe("No.");
  });

  it.each([
    ["max_output_tokens", "length"],
    ["content_filter", "content_filter"],
  ])("says an answer incomplete by %s as %s", (reason, expected) => {
    const response = { output: [], incomplete_details: { reason } };
    expect(read([{ type: "response.incomplete", response }]).at(-1)).toEqual({
      type: "finish",
      reason: expected,
    });
  });

  it.each<[string, readonly unknown[]]>([
    ["ends without its last event", [event("output_item.added", 0, { item: CALL })]],
    ["is empty", []],
    ["leaves a call open", [event("output_item.added", 0, { item: CALL }), completed()]],
    ["adds arguments to no call", [event("function_call_arguments.delta", 4, { delta: "x" })]],
    ["has an item that is none", [event("output_item.added", 0, { item: 3 })]],
    ["is no object", [3]],
  ])("fails when the answer %s", (_, events) => {
    expect(read(events).at(-1)).toEqual(INVALID);
  });

  it.each([
    [{ type: "error", error: { code: "rate_limit_exceeded", message: "prose" } }, 429],
    [{ type: "error", code: "server_error", message: "prose" }, 500],
    [{ type: "response.failed", response: { error: { code: "insufficient_quota" } } }, 429],
  ])("fails with the status of %j", (failure, upstreamStatus) => {
    const last = read([failure]).at(-1);
    expect(last).toMatchObject({ type: "failed", error: { upstreamStatus } });
    expect(JSON.stringify(last)).not.toContain("prose");
  });
});

function whole(json: unknown): readonly ModelEvent[] {
  const parser = createResponsesParser(false);
  return [...parser.push(utf8.encode(JSON.stringify(json))), ...parser.end()];
}
