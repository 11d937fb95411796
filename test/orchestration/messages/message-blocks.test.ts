/** A run's events as one Anthropic message: one open block at a time, nothing lost, whatever the model interleaves. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  MessageBlocks,
  type MessageEvent,
  type RunningEvent,
} from "../../../src/orchestration/messages/message-blocks.ts";
import { WholeMessage } from "../../../src/orchestration/messages/whole-message.ts";
import { isJsonObject, type JsonObject } from "../../../src/platform/canonical-json.ts";

const STARTED: RunningEvent = { type: "started", run: "run_1", model: "m" };
const SUMMARY = { run: "run_1", turns: 1, calls: 0, cache_hits: 0, saved_ms: 0, shards: 0 };
const FINISHED = { type: "finished", finishReason: "stop", usage: {}, summary: SUMMARY } as const;

function say(text: string): RunningEvent {
  return { type: "delta", delta: { content: text } };
}

function think(reasoning_content: string): RunningEvent {
  return { type: "delta", delta: { reasoning_content } };
}

function open(index: number): RunningEvent {
  return { type: "client_call", index, id: `c${index}`, name: `tool${index}` };
}

function args(index: number, delta: string): RunningEvent {
  return { type: "client_call_arguments", index, delta };
}

function written(events: readonly RunningEvent[]): readonly MessageEvent[] {
  const blocks = new MessageBlocks();
  return [...[STARTED, ...events].flatMap((event) => blocks.take(event)), ...blocks.end(FINISHED)];
}

/** The blocks of the whole message. */
function content(events: readonly RunningEvent[]): readonly unknown[] {
  const message = new WholeMessage();
  for (const event of [STARTED, ...events]) message.take(event);
  const list = message.end(FINISHED)["content"];
  return Array.isArray(list) ? list : [];
}

/** What is wrong with the order of a stream's events, or null. */
function orderFault(events: readonly MessageEvent[]): string | null {
  let next = 0;
  let isOpen = false;
  for (const { type, index } of events) {
    if (type === "content_block_start") {
      if (isOpen || index !== next) return `start ${String(index)}`;
      isOpen = true;
    }
    if (type === "content_block_delta" && (!isOpen || index !== next)) return "delta";
    if (type === "content_block_stop") {
      if (!isOpen || index !== next) return "stop";
      isOpen = false;
      next += 1;
    }
  }
  return isOpen ? "open" : null;
}

describe("MessageBlocks", () => {
  it("writes the order of the protocol, with the run's usage and account at the end", () => {
    const blocks = new MessageBlocks();
    const events = [
      ...blocks.take(STARTED),
      ...blocks.take(say("Hel")),
      ...blocks.take(say("lo")),
      ...blocks.end({
        ...FINISHED,
        finishReason: "length",
        usage: {
          prompt_tokens: 17,
          completion_tokens: 7,
          prompt_tokens_details: { cached_tokens: 5, cache_creation_tokens: 2 },
        },
      }),
    ];
    expect(events).toMatchObject([
      { type: "message_start", message: { id: "msg_run_1", model: "m", content: [] } },
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
      { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } },
      { type: "content_block_stop", index: 0 },
      {
        type: "message_delta",
        delta: { stop_reason: "max_tokens", stop_sequence: null },
        usage: {
          input_tokens: 10,
          cache_read_input_tokens: 5,
          cache_creation_input_tokens: 2,
          output_tokens: 7,
        },
        x_gw: { turns: 1 },
      },
      { type: "message_stop" },
    ]);
  });

  it("shows a gateway call whole, and its result or its error", () => {
    const made = (id: string, argumentsJson: string): RunningEvent => ({
      type: "gateway_call",
      id,
      name: "shop.buy",
      argumentsJson,
    });
    const error = { code: "deadline_exceeded", message: "Too slow." } as const;
    expect(
      content([
        say("Buying."),
        made("a", '{"n":1}'),
        made("b", "broken"),
        {
          type: "gateway_call_ended",
          id: "b",
          status: "timeout",
          outputJson: null,
          error,
        },
        {
          type: "gateway_call_ended",
          id: "a",
          status: "succeeded",
          outputJson: '"plain"',
          error: null,
        },
      ]),
    ).toEqual([
      { type: "text", text: "Buying." },
      { type: "mcp_tool_use", id: "a", name: "shop.buy", server_name: "gateway", input: { n: 1 } },
      { type: "mcp_tool_use", id: "b", name: "shop.buy", server_name: "gateway", input: {} },
      {
        type: "mcp_tool_result",
        tool_use_id: "b",
        is_error: true,
        content: [
          { type: "text", text: JSON.stringify({ error: { ...error, status: "timeout" } }) },
        ],
      },
      {
        type: "mcp_tool_result",
        tool_use_id: "a",
        is_error: false,
        content: [{ type: "text", text: "plain" }],
      },
    ]);
  });

  it("streams the arguments of one call after the other, though they come interleaved", () => {
    const events = [
      open(0),
      open(1),
      args(1, '{"b":'),
      args(0, '{"a":'),
      args(0, "1}"),
      args(1, "2}"),
    ];
    expect(orderFault(written(events))).toBeNull();
    expect(content(events)).toEqual([
      { type: "tool_use", id: "c0", name: "tool0", input: { a: 1 } },
      { type: "tool_use", id: "c1", name: "tool1", input: { b: 2 } },
    ]);
  });

  it("signs the thinking it belongs to, and carries what nobody can read", () => {
    const format = "anthropic-claude-v1";
    const detail = (entry: JsonObject): RunningEvent => ({
      type: "delta",
      delta: { reasoning_details: [entry] },
    });
    const foreign = { type: "openai.reasoning", format: "openai-responses-v1", item: {} };
    expect(
      content([
        think("hm"),
        detail({ type: "reasoning.text", text: "hm", signature: "sig", format }),
        think("so"),
        detail({ type: "reasoning.encrypted", data: "cipher", format }),
        detail(foreign),
      ]),
    ).toEqual([
      { type: "thinking", thinking: "hm", signature: "sig" },
      { type: "thinking", thinking: "so", signature: "" },
      { type: "redacted_thinking", data: "cipher" },
      { type: "redacted_thinking", data: `gw1.${JSON.stringify(foreign)}` },
    ]);
  });

  it("keeps the order and loses nothing over 1,000 random runs", () => {
    const step = fc.oneof(
      fc.constantFrom("a", "b ").map(say),
      fc.constantFrom("x", "y ").map(think),
      fc.nat(3).map((index) => args(index, "1")),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        // Each call is opened when its arguments first speak of it.
        const opened = new Set<number>();
        const events = steps.flatMap((event): readonly RunningEvent[] => {
          if (event.type !== "client_call_arguments" || opened.has(event.index)) return [event];
          opened.add(event.index);
          return [open(event.index), event];
        });
        const stream = written(events);
        expect(orderFault(stream)).toBeNull();
        const said = (type: string, field: string) =>
          stream
            .flatMap(({ delta }) =>
              isJsonObject(delta) && delta["type"] === type ? [delta[field]] : [],
            )
            .join("");
        const meant = (field: string) =>
          events
            .flatMap((event) => (event.type === "delta" ? [event.delta[field] ?? ""] : []))
            .join("");
        expect(said("text_delta", "text")).toBe(meant("content"));
        expect(said("thinking_delta", "thinking")).toBe(meant("reasoning_content"));
        const starts = stream.filter(
          ({ content_block: block }) => isJsonObject(block) && block["type"] === "tool_use",
        );
        expect(starts).toHaveLength(opened.size);
      }),
      { seed: 7, numRuns: 1_000 },
    );
  });
});
