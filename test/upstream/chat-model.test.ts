/** Asking a model over real HTTP: what is sent, and every fault before the answer's first byte. */

import { describe, expect, it } from "vitest";

import { isJsonObject } from "../../src/platform/canonical-json.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import type { ModelRequest } from "../../src/upstream/ask-provider.ts";
import { TIMEOUTS, ask, eventsOf, origin } from "../support/ask-fault-model.ts";
import { callsOf, textOf } from "../support/chat-answers.ts";
import { faultCounts, settledCounts } from "../support/fault-stats.ts";

/** The request as the provider saw it. */
async function seenRequest(overrides: Partial<ModelRequest> = {}, body: JsonObject = {}) {
  const text = textOf(await eventsOf("echo", overrides, body), "content");
  const seen: unknown = JSON.parse(text);
  if (!isJsonObject(seen)) throw new Error("no echo");
  const { url, headers, body: sent } = seen;
  if (!isJsonObject(headers) || typeof sent !== "string") throw new Error("no echo");
  const sentBody: unknown = JSON.parse(sent);
  return { url, headers, body: sentBody };
}

const PONG: readonly unknown[] = [
  { type: "meta", meta: { model: "fault" } },
  { type: "delta", delta: { content: "pong" } },
  { type: "usage", usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } },
  { type: "finish", reason: "stop" },
];

describe("askChatModel", () => {
  it("gives the events of a streamed answer, and of one that is not", async () => {
    expect(await eventsOf("any")).toEqual(PONG);
    expect(await eventsOf("any", {}, { stream: false })).toEqual(PONG);
  });

  it("reads a whole answer although a stream was asked for", async () => {
    expect(await eventsOf("whole")).toEqual(PONG);
  });

  it("gives the calls of an answer", async () => {
    expect(callsOf(await eventsOf("tool-call"))).toEqual([
      { id: "call_1", name: "weather", argumentsJson: '{"city":"Paris"}' },
    ]);
  });

  it("sends the body untouched and no header but its own", async () => {
    const seen = await seenRequest({}, { temperature: 0.5, custom: { kept: [1, null] } });
    expect(seen.url).toBe("/v1/chat/completions");
    expect(seen.body).toEqual({
      model: "echo",
      messages: [],
      stream: true,
      temperature: 0.5,
      custom: { kept: [1, null] },
    });
    expect(seen.headers).toMatchObject({
      accept: "text/event-stream",
      authorization: "Bearer key-1",
      "content-type": "application/json",
      "user-agent": "toolformer-edge",
    });
    // The platform itself adds `cf-worker`.
    const foreign = Object.keys(seen.headers).filter((name) =>
      /^(x-|openai-|cf-(?!worker$))/.test(name),
    );
    expect(foreign).toEqual([]);
  });

  it("sends no Authorization header without a key, and asks for JSON without a stream", async () => {
    const seen = await seenRequest({ apiKey: null }, { stream: false });
    expect(seen.headers).not.toHaveProperty("authorization");
    expect(seen.headers["accept"]).toBe("application/json");
  });

  it("tells calls apart by the names of the tools in the request", async () => {
    const tools = [
      { type: "function", function: { name: "weather" } },
      { type: "function" },
      "junk",
    ];
    expect(callsOf(await eventsOf("tool-call", {}, { tools }))).toHaveLength(1);
    expect(callsOf(await eventsOf("tool-call", {}, { tools: null }))).toHaveLength(1);
  });
});

describe("askChatModel before anything is sent", () => {
  it.each([
    ["an address the guard refuses", { allowLoopback: false }],
    [
      "an address that is too long with its path",
      { baseUrl: `${origin}/${"x".repeat(16_384 - origin.length - 1)}` },
    ],
    ["a key that would break out of its header", { apiKey: "a\r\nx: y" }],
  ])("refuses %s", async (_, overrides) => {
    const { requests } = await faultCounts(origin, "unsent");
    expect(await ask("any", overrides, { user: "unsent" })).toMatchObject({
      ok: false,
      error: { code: "egress_refused" },
    });
    expect((await faultCounts(origin, "unsent")).requests).toBe(requests);
  });

  it("says cancelled when the signal has aborted already", async () => {
    expect(await ask("any", { signal: AbortSignal.abort() }, { user: "aborted" })).toEqual({
      ok: false,
      error: { code: "cancelled" },
    });
    expect((await faultCounts(origin, "aborted")).requests).toBe(0);
  });
});

describe("askChatModel when the provider fails before its answer", () => {
  it("says unreachable when the connection breaks or nothing listens", async () => {
    expect(await ask("down")).toEqual({ ok: false, error: { code: "upstream_unreachable" } });
    expect(await ask("any", { baseUrl: "http://127.0.0.1:1/v1" })).toEqual({
      ok: false,
      error: { code: "upstream_unreachable" },
    });
  });

  it("asks once: nothing is retried, whatever the status", async () => {
    await ask("status-500", {}, { user: "once" });
    await ask("down", {}, { user: "once" });
    expect((await faultCounts(origin, "once")).requests).toBe(2);
  });

  it.each([
    [
      "status-429",
      { upstreamStatus: 429, upstreamCode: "rate_limit_exceeded", retryAfterMs: 7_000 },
    ],
    ["status-500", { upstreamStatus: 500, upstreamCode: null, retryAfterMs: null }],
    [
      "status-401",
      { upstreamStatus: 401, upstreamCode: "invalid_request_error", retryAfterMs: null },
    ],
    ["huge-error", { upstreamStatus: 500, upstreamCode: null, retryAfterMs: null }],
  ])("hands on the status of %s, never its prose", async (model, expected) => {
    expect(await ask(model)).toEqual({
      ok: false,
      error: { code: "upstream_rejected", ...expected },
    });
  });

  it("refuses a redirect and never follows it", async () => {
    expect(await ask("redirect")).toMatchObject({ ok: false, error: { code: "egress_refused" } });
  });

  it("refuses an answer without a body, and one the runtime cannot decode", async () => {
    for (const model of ["empty", "double-coded"]) {
      expect(await ask(model)).toEqual({ ok: false, error: { code: "upstream_invalid_response" } });
    }
  });

  it("says timeout when the headers do not come, and closes the connection", async () => {
    const timeouts = { ...TIMEOUTS, firstByteMs: 50 };
    expect(await ask("slow-headers", { timeouts }, { user: "late" })).toEqual({
      ok: false,
      error: { code: "upstream_timeout" },
    });
    expect(await settledCounts(origin, "late")).toMatchObject({ open: 0, aborted: 1 });
  });

  it("waits for headers that are late but in time", async () => {
    expect(await eventsOf("late-headers")).toEqual(PONG);
  });

  it("says cancelled when the caller aborts before the headers, and closes the connection", async () => {
    const controller = new AbortController();
    const asking = ask("slow-headers", { signal: controller.signal }, { user: "left" });
    while ((await faultCounts(origin, "left")).open === 0);
    controller.abort();
    expect(await asking).toEqual({ ok: false, error: { code: "cancelled" } });
    expect(await settledCounts(origin, "left")).toMatchObject({ open: 0, aborted: 1 });
  });
});
