import { describe, expect, it } from "vitest";

import type { ChatEvent, ChatSummary } from "../../src/contract/chat.ts";
import { createChunkEncoder, type ChunkOptions } from "../../src/edge/chat-chunks.ts";
import { collectCompletion } from "../../src/edge/chat-completion.ts";
import { isJsonObject } from "../../src/platform/canonical-json.ts";

const SUMMARY: ChatSummary = {
  run: "run_1",
  turns: 2,
  calls: 1,
  cache_hits: 0,
  saved_ms: 0,
  shards: 1,
};
const STARTED: ChatEvent = { type: "started", run: "run_1", model: "gpt-5.2" };
const FINISHED: ChatEvent = {
  type: "finished",
  finishReason: "tool_calls",
  usage: { total_tokens: 7 },
  summary: SUMMARY,
};
const TOOL: ChatEvent = {
  type: "tool",
  activity: { type: "tool.started", call_id: "c", name: "weather", t_ms: 3 },
};
const EVENTS: readonly ChatEvent[] = [
  STARTED,
  { type: "meta", meta: { model: "gpt-5.2-2026", system_fingerprint: "fp", service_tier: "flex" } },
  { type: "delta", delta: { reasoning_content: "hm" } },
  { type: "delta", delta: { content: "Hel" }, logprobs: { content: [{ token: "Hel" }] } },
  TOOL,
  { type: "delta", delta: { content: "lo" }, logprobs: { content: [{ token: "lo" }] } },
  { type: "client_call", index: 0, id: "call_1", name: "mine" },
  { type: "client_call_arguments", index: 0, delta: '{"a"' },
  { type: "client_call", index: 1, id: "call_2", name: "mine" },
  { type: "client_call_arguments", index: 0, delta: ":1}" },
  FINISHED,
];

function data(wire: string): unknown[] {
  return wire
    .split("\n\n")
    .filter(Boolean)
    .map((line) => line.replace(/^data: /, ""))
    .map((text): unknown => (text === "[DONE]" ? text : JSON.parse(text)));
}

function chunks(events: readonly ChatEvent[], options: Partial<ChunkOptions> = {}): unknown[] {
  const encode = createChunkEncoder({
    created: 1,
    includeUsage: false,
    includeTools: false,
    ...options,
  });
  return data(events.map(encode).join(""));
}

const HEAD = {
  id: "chatcmpl-run_1",
  object: "chat.completion.chunk",
  created: 1,
  model: "gpt-5.2",
};
const META = { ...HEAD, system_fingerprint: "fp", service_tier: "flex" };

function delta(fields: object, more: object = {}): object {
  return { index: 0, delta: fields, finish_reason: null, ...more };
}

describe("createChunkEncoder", () => {
  it("writes OpenAI's chunks: one id, the role first, the finish reason once, x_gw last", () => {
    expect(chunks(EVENTS)).toEqual([
      { ...HEAD, choices: [delta({ role: "assistant" })] },
      { ...META, choices: [delta({ reasoning_content: "hm" })] },
      {
        ...META,
        choices: [delta({ content: "Hel" }, { logprobs: { content: [{ token: "Hel" }] } })],
      },
      {
        ...META,
        choices: [delta({ content: "lo" }, { logprobs: { content: [{ token: "lo" }] } })],
      },
      {
        ...META,
        choices: [
          delta({
            tool_calls: [
              {
                index: 0,
                id: "call_1",
                type: "function",
                function: { name: "mine", arguments: "" },
              },
            ],
          }),
        ],
      },
      {
        ...META,
        choices: [delta({ tool_calls: [{ index: 0, function: { arguments: '{"a"' } }] })],
      },
      {
        ...META,
        choices: [
          delta({
            tool_calls: [
              {
                index: 1,
                id: "call_2",
                type: "function",
                function: { name: "mine", arguments: "" },
              },
            ],
          }),
        ],
      },
      { ...META, choices: [delta({ tool_calls: [{ index: 0, function: { arguments: ":1}" } }] })] },
      { ...META, choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] },
      { ...META, choices: [], x_gw: SUMMARY },
      "[DONE]",
    ]);
  });

  it("adds usage to the last chunk, and null to the others, only where it was asked for", () => {
    const [role, finish, last] = chunks([STARTED, FINISHED], { includeUsage: true });
    expect(role).toHaveProperty("usage", null);
    expect(finish).toHaveProperty("usage", null);
    expect(last).toMatchObject({ choices: [], usage: { total_tokens: 7 }, x_gw: SUMMARY });
    for (const chunk of chunks([STARTED, FINISHED])) expect(chunk).not.toHaveProperty("usage");
  });

  it("shows the gateway's calls only where they were asked for, beside empty choices", () => {
    expect(chunks([STARTED, TOOL], { includeTools: true })[1]).toEqual({
      ...HEAD,
      choices: [],
      x_gw: { type: "tool.started", call_id: "c", name: "weather", t_ms: 3 },
    });
    expect(chunks([STARTED, TOOL])).toHaveLength(1);
  });

  it("ends a broken stream with OpenAI's error object, the run's id and [DONE]", () => {
    const failed: ChatEvent = { type: "failed", error: { code: "upstream_timeout" }, run: "run_1" };
    expect(chunks([STARTED, failed]).slice(1)).toEqual([
      {
        error: {
          message: "The upstream did not answer in time. (run_1)",
          type: "server_error",
          param: null,
          code: "upstream_timeout",
          run: "run_1",
        },
        x_gw: { run: "run_1" },
      },
      "[DONE]",
    ]);
  });
});

async function collect(events: readonly ChatEvent[]) {
  const [first = STARTED, ...rest] = events;
  async function* source() {
    yield* rest;
  }
  return collectCompletion(source(), first, 1);
}

describe("collectCompletion", () => {
  it("joins the events into one message", async () => {
    expect(await collect(EVENTS)).toEqual({
      ok: true,
      value: {
        ...META,
        object: "chat.completion",
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: "Hello",
              refusal: null,
              reasoning_content: "hm",
              tool_calls: [
                {
                  id: "call_1",
                  type: "function",
                  function: { name: "mine", arguments: '{"a":1}' },
                },
                { id: "call_2", type: "function", function: { name: "mine", arguments: "" } },
              ],
            },
            logprobs: { content: [{ token: "Hel" }, { token: "lo" }] },
            finish_reason: "tool_calls",
          },
        ],
        usage: { total_tokens: 7 },
        x_gw: SUMMARY,
      },
    });
  });

  async function message(...middle: ChatEvent[]): Promise<unknown> {
    const completion = await collect([STARTED, ...middle, FINISHED]);
    const [choice]: unknown[] = completion.ok
      ? Object.values(completion.value["choices"] ?? [])
      : [];
    return isJsonObject(choice) ? choice["message"] : null;
  }

  it("has null for content when the model only called or refused, and text otherwise", async () => {
    const call: ChatEvent = { type: "client_call", index: 0, id: "c", name: "mine" };
    expect(await message(call)).toHaveProperty("content", null);
    expect(await message({ type: "delta", delta: { content: "" } }, call)).toHaveProperty(
      "content",
      null,
    );
    expect(await message({ type: "delta", delta: { refusal: "no" } })).toMatchObject({
      content: null,
      refusal: "no",
    });
    expect(await message()).toMatchObject({ content: "", refusal: null });
  });

  it("keeps fields it does not know: lists grow, null takes nothing away, the rest is replaced", async () => {
    expect(
      await message(
        { type: "delta", delta: { details: [1], mood: { a: 1 }, content: null } },
        { type: "delta", delta: { details: [2], mood: { b: 2 }, content: "x" } },
        { type: "delta", delta: { details: null, content: null } },
      ),
    ).toEqual({
      role: "assistant",
      content: "x",
      refusal: null,
      details: [1, 2],
      mood: { b: 2 },
    });
  });

  it("shows a custom tool's call with its free text, streamed and whole", async () => {
    const custom: readonly ChatEvent[] = [
      { type: "client_call", index: 0, id: "c", name: "sql", isCustom: true },
      { type: "client_call_arguments", index: 0, delta: "SELECT 1" },
    ];
    expect(await message(...custom)).toMatchObject({
      tool_calls: [{ id: "c", type: "custom", custom: { name: "sql", input: "SELECT 1" } }],
    });
    const deltas = chunks([STARTED, ...custom]).map((chunk) =>
      isJsonObject(chunk) ? Object.values(chunk["choices"] ?? [])[0] : null,
    );
    expect(deltas.slice(1)).toMatchObject([
      { delta: { tool_calls: [{ index: 0, id: "c", type: "custom", custom: { name: "sql" } }] } },
      { delta: { tool_calls: [{ index: 0, custom: { input: "SELECT 1" } }] } },
    ]);
  });

  it("ignores arguments of a call that never began", async () => {
    expect(
      await message({ type: "client_call_arguments", index: 3, delta: "{}" }),
    ).not.toHaveProperty("tool_calls");
  });

  it("gives the run's error, and `cancelled` when it ended without a word", async () => {
    const failed: ChatEvent = { type: "failed", error: { code: "turn_expired" }, run: "run_1" };
    expect(await collect([STARTED, failed])).toEqual({
      ok: false,
      error: { code: "turn_expired" },
    });
    expect(await collect([STARTED])).toEqual({ ok: false, error: { code: "cancelled" } });
  });
});
