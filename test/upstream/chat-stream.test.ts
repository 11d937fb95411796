/** Chat completions, streamed and whole, as model events. */

import { describe, expect, it } from "vitest";

import { createChatStreamParser } from "../../src/upstream/chat-stream.ts";
import {
  callChunk,
  callsOf,
  parseChunks,
  parsePayloads,
  piece,
  streamBytes,
  textOf,
} from "../support/chat-answers.ts";

const INVALID = { type: "failed", error: { code: "upstream_invalid_response" } };
const utf8 = new TextEncoder();

function say(delta: unknown, more: object = {}): unknown {
  return { choices: [{ index: 0, delta, ...more }] };
}

const STOP = say({}, { finish_reason: "stop" });

describe("createChatStreamParser", () => {
  it("hands on text, reasoning under either name, refusal and unknown fields, but nothing that says nothing", () => {
    const events = parsePayloads([
      say({ role: "assistant", content: "", refusal: null }),
      say({ content: "Hi" }),
      say({ content: null, reasoning_content: "a" }),
      say({ reasoning: "b" }),
      say({ reasoning: "c", reasoning_content: "c" }),
      say({ reasoning: { steps: 1 } }),
      say({ refusal: "no", annotations: [1], index: 0 }),
      STOP,
    ]);
    expect(events).toEqual([
      { type: "delta", delta: { content: "Hi" } },
      { type: "delta", delta: { reasoning_content: "a" } },
      { type: "delta", delta: { reasoning_content: "b" } },
      { type: "delta", delta: { reasoning_content: "c" } },
      { type: "delta", delta: { refusal: "no", annotations: [1] } },
      { type: "finish", reason: "stop" },
    ]);
  });

  it("keeps the scores of tokens, also of one without text", () => {
    const scores = { content: [{ token: "Hi", logprob: -0.1 }] };
    expect(
      parsePayloads([
        say({ content: "Hi" }, { logprobs: scores }),
        say({}, { logprobs: scores }),
        STOP,
      ]),
    ).toMatchObject([
      { type: "delta", delta: { content: "Hi" }, logprobs: scores },
      { type: "delta", delta: { content: "" }, logprobs: scores },
      { type: "finish" },
    ]);
  });

  it("says usage once, the last one, and finish last", () => {
    const usage = (total_tokens: number) => ({ choices: [], usage: { total_tokens } });
    const events = parsePayloads([
      usage(1),
      say({ content: "x" }),
      { ...usage(2), usage: null },
      STOP,
      usage(3),
    ]);
    expect(events).toEqual([
      { type: "delta", delta: { content: "x" } },
      { type: "usage", usage: { total_tokens: 3 } },
      { type: "finish", reason: "stop" },
    ]);
  });

  it("says model, fingerprint and tier once each, and again when they change", () => {
    const events = parsePayloads([
      { choices: [], model: "", service_tier: null },
      { ...Object(say({ content: "a" })), model: "m", system_fingerprint: "f" },
      {
        ...Object(say({ content: "b" })),
        model: "m",
        system_fingerprint: "f",
        service_tier: "flex",
      },
      { ...Object(STOP), model: "m2" },
    ]);
    expect(events.filter((event) => event.type === "meta")).toEqual([
      { type: "meta", meta: { model: "m", system_fingerprint: "f" } },
      { type: "meta", meta: { service_tier: "flex" } },
      { type: "meta", meta: { model: "m2" } },
    ]);
  });

  it("reads only the first choice, also when it has no index", () => {
    const events = parsePayloads([
      { choices: [{ index: 1, delta: { content: "second" } }] },
      {
        choices: [
          "junk",
          { index: 1, delta: { content: "second" } },
          { delta: { content: "first" } },
        ],
      },
      { choices: null },
      STOP,
    ]);
    expect(textOf(events, "content")).toBe("first");
  });

  it("reads a chunk that carries a whole message instead of a delta", () => {
    const message = {
      content: "all",
      tool_calls: [
        piece({ name: "one", arguments: "{}" }),
        piece({ name: "one", arguments: "{}" }),
      ],
    };
    const events = parsePayloads([{ choices: [{ message, finish_reason: "tool_calls" }] }]);
    expect(textOf(events, "content")).toBe("all");
    expect(callsOf(events)).toHaveLength(2);
  });

  it("derives the finish reason from what came when [DONE] comes without one", () => {
    expect(parsePayloads([say({ content: "x" }), say({}, { finish_reason: "" })]).at(-1)).toEqual({
      type: "finish",
      reason: "stop",
    });
    const call = callChunk(piece({ index: 0, id: "a", name: "one", arguments: "{}" }));
    expect(parsePayloads([call]).at(-1)).toEqual({ type: "finish", reason: "tool_calls" });
  });

  it("finishes without [DONE] when the finish reason came, also with half an event after it", () => {
    const bytes = streamBytes([say({ content: "x" }), STOP], false);
    expect(parseChunks([bytes]).at(-1)).toEqual({ type: "finish", reason: "stop" });
    expect(parseChunks([bytes, utf8.encode('data: {"choi')]).at(-1)).toEqual({
      type: "finish",
      reason: "stop",
    });
    expect(parseChunks([bytes, new Uint8Array([0xf0])]).at(-1)).toEqual({
      type: "finish",
      reason: "stop",
    });
    const usage = 'data: {"choices":[],"usage":{"total_tokens":1}}';
    expect(parseChunks([bytes, utf8.encode(usage)]).at(-2)).toMatchObject({ type: "usage" });
  });

  it.each([
    ["cut before the finish reason", streamBytes([say({ content: "x" })], false)],
    ["cut inside an event", utf8.encode('data: {"choices":[{"delta":{"con')],
    ["empty", new Uint8Array()],
    ["nothing but [DONE]", streamBytes([])],
    ["a page of HTML", utf8.encode("<html>\n<body>\n\nBad gateway</body></html>")],
    ["an event that is no JSON", streamBytes(["<html>"])],
    ["an event that is no object", streamBytes(["[1]"])],
    ["broken UTF-8", new Uint8Array([0x64, 0xff])],
    ["an event past its bound", utf8.encode(`data: ${"x".repeat(4 * 1024 * 1024 + 1)}`)],
  ])("fails a stream that is %s", (_, bytes) => {
    expect(parseChunks([bytes]).at(-1)).toEqual(INVALID);
  });

  it.each([
    [{ error: { message: "prose", code: "overloaded" } }, 500, "overloaded"],
    [{ error: { message: "prose", type: "server_error", code: 503 } }, 503, "server_error"],
    [{ error: { status: 429, code: "too many words" } }, 429, null],
    [{ error: { code: 7 } }, 500, null],
    [{ error: "prose only" }, 500, null],
    [{ object: "error", message: "prose", code: "bad_request" }, 500, "bad_request"],
  ])(
    "fails on the error %j in the stream without its prose",
    (chunk, upstreamStatus, upstreamCode) => {
      const events = parsePayloads([say({ content: "x" }), chunk, STOP]);
      expect(events).toEqual([
        { type: "delta", delta: { content: "x" } },
        {
          type: "failed",
          error: { code: "upstream_rejected", upstreamStatus, upstreamCode, retryAfterMs: null },
        },
      ]);
    },
  );

  it("says nothing after its last event", () => {
    const parser = createChatStreamParser();
    expect(parser.done).toBe(false);
    parser.push(streamBytes([say({ content: "x" }), STOP]));
    expect(parser.finishSeen).toBe(true);
    expect(parser.done).toBe(true);
    expect(parser.push(streamBytes([say({ content: "late" })]))).toEqual([]);
    expect(parser.end()).toEqual([]);
    expect(
      parseChunks([utf8.encode("data: x\n\ndata: y\n\ndata: {}\n\ndata: [DONE]\n\n")]),
    ).toEqual([INVALID]);
  });

  it("passes over comments, empty events, null errors and chunks of no known kind", () => {
    const bytes = utf8.encode(
      ': hello\n\ndata:\n\ndata: {"type":"ping"}\n\ndata: {"error":null,"choices":[]}\n\n',
    );
    expect(
      parseChunks([
        bytes,
        streamBytes([say({ content: "x" }), say(null, { finish_reason: "stop" })]),
      ]),
    ).toEqual([
      { type: "delta", delta: { content: "x" } },
      { type: "finish", reason: "stop" },
    ]);
  });

  it("makes up ids of its own when it is given no maker", () => {
    const parser = createChatStreamParser();
    const events = parser.push(streamBytes([callChunk(piece({ name: "one", arguments: "{}" }))]));
    expect(callsOf(events)[0]?.id).toMatch(/^call_[0-9A-Za-z]{22}$/);
  });
});
