/** A model's answer while it is read: faults in its middle, its clocks, and a reader that leaves. */

import { describe, expect, it } from "vitest";

import type { ModelEvent } from "../../src/contract/chat.ts";
import { AnswerStream, MAX_ANSWER_BYTES } from "../../src/upstream/answer-stream.ts";
import { streamed } from "../../src/upstream/read-body.ts";
import { AnswerWatch } from "../../src/upstream/answer-watch.ts";
import { createChatStreamParser } from "../../src/upstream/chat-stream.ts";
import { TIMEOUTS, ask, eventsOf, origin } from "../support/ask-fault-model.ts";
import { textOf } from "../support/chat-answers.ts";
import { settledCounts } from "../support/fault-stats.ts";

function failed(code: string): unknown {
  return { type: "failed", error: { code } };
}

describe("askChatModel when the provider fails inside its answer", () => {
  it.each([
    ["garbage", false],
    ["html", false],
    ["cut-mid-stream", true],
    ["end-mid-stream", true],
    ["cut-json", true],
    ["invalid-utf8", false],
    ["huge-event", false],
  ])("ends %s in one failure, unfinished: %s", async (model, isUnfinished) => {
    const events = await eventsOf(model);
    const code = "upstream_invalid_response";
    const error = isUnfinished ? { code, isUnfinished } : { code };
    expect(events.at(-1)).toEqual({ type: "failed", error });
    expect(
      events.filter((event) => event.type === "failed" || event.type === "finish"),
    ).toHaveLength(1);
  });

  it("hands on the error inside a stream", async () => {
    expect((await eventsOf("error-in-stream")).at(-1)).toEqual({
      type: "failed",
      error: {
        code: "upstream_rejected",
        upstreamStatus: 500,
        upstreamCode: "overloaded",
        retryAfterMs: null,
      },
    });
  });

  it.each(["no-finish", "no-done", "finish-then-cut", "done-then-silence"])(
    "finishes %s, which lacks nothing",
    async (model) => {
      const events = await eventsOf(model, {}, { user: model });
      expect(textOf(events, "content")).toBe("pong");
      expect(events.at(-1)).toEqual({ type: "finish", reason: "stop" });
      expect(await settledCounts(origin, model)).toMatchObject({ open: 0 });
    },
  );

  it("finishes an answer that has its finish reason although the provider then goes silent", async () => {
    const events = await eventsOf("finish-then-silence", { timeouts: { ...TIMEOUTS, idleMs: 60 } });
    expect(events.at(-1)).toEqual({ type: "finish", reason: "stop" });
  });

  it("says timeout when the provider goes silent, and closes the connection", async () => {
    const events = await eventsOf(
      "idle",
      { timeouts: { ...TIMEOUTS, idleMs: 60 } },
      { user: "idle" },
    );
    expect(textOf(events, "content")).toBe("pong");
    expect(events.at(-1)).toEqual(failed("upstream_timeout"));
    expect(await settledCounts(origin, "idle")).toMatchObject({ open: 0, aborted: 1 });
  });

  it("says timeout when the whole answer takes too long, however busy it is", async () => {
    const events = await eventsOf(
      "endless",
      { timeouts: { ...TIMEOUTS, totalMs: 150 } },
      { user: "total" },
    );
    expect(events.at(-1)).toEqual(failed("upstream_timeout"));
    expect(await settledCounts(origin, "total")).toMatchObject({ open: 0, aborted: 1 });
  });
});

describe("leaving an answer", () => {
  it("closes the connection when the reader leaves early", async () => {
    const answer = await ask("endless", {}, { user: "break" });
    if (!answer.ok) throw new Error(answer.error.code);
    for await (const event of answer.value) {
      if (event.type === "delta") break;
    }
    expect(await settledCounts(origin, "break")).toMatchObject({ open: 0, aborted: 1 });
    const left = await answer.value[Symbol.asyncIterator]().next();
    expect(left).toEqual({ done: true, value: undefined });
  });

  it("closes the connection when the reader leaves before it began", async () => {
    const answer = await ask("endless", {}, { user: "unread" });
    if (!answer.ok) throw new Error(answer.error.code);
    await answer.value[Symbol.asyncIterator]().return?.();
    expect(await settledCounts(origin, "unread")).toMatchObject({ open: 0, aborted: 1 });
  });

  it("says cancelled once, and nothing more, when the caller aborts", async () => {
    const controller = new AbortController();
    const answer = await ask("endless", { signal: controller.signal }, { user: "abort" });
    if (!answer.ok) throw new Error(answer.error.code);
    const events: ModelEvent[] = [];
    for await (const event of answer.value) {
      events.push(event);
      controller.abort();
    }
    expect(events.at(-1)).toEqual(failed("cancelled"));
    expect(events.filter((event) => event.type === "failed")).toHaveLength(1);
    expect(await settledCounts(origin, "abort")).toMatchObject({ open: 0, aborted: 1 });
  });

  it("lets an answer that was read to its end close by itself", async () => {
    await eventsOf("any", {}, { user: "polite" });
    expect(await settledCounts(origin, "polite")).toMatchObject({
      open: 0,
      requests: 1,
      aborted: 0,
    });
  });
});

describe("AnswerStream", () => {
  /** The last event of a stream of comments this long, closed by a finish. */
  async function lastEvent(bytes: number) {
    const finish = new TextEncoder().encode('data: {"choices":[{"finish_reason":"stop"}]}\n\n');
    const mebibyte = new Uint8Array(1024 * 1024).fill(0x0a);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let left = bytes - finish.length; left > 0; left -= mebibyte.length) {
          controller.enqueue(mebibyte.subarray(0, Math.min(left, mebibyte.length)));
        }
        controller.enqueue(finish);
        controller.close();
      },
    });
    const watch = new AnswerWatch(60_000, new AbortController().signal);
    // Nothing but the size matters here, so the filling is not parsed.
    const parser = createChatStreamParser();
    const sparing = {
      ...parser,
      finishSeen: false,
      done: false,
      push: (chunk: Uint8Array) => (chunk.length < 100 ? parser.push(chunk) : []),
    };
    const events: ModelEvent[] = [];
    for await (const event of new AnswerStream(streamed(body), sparing, watch, 60_000))
      events.push(event);
    return { last: events.at(-1), isAborted: watch.signal.aborted };
  }

  it("reads an answer at its size bound and refuses one byte more", async () => {
    expect(await lastEvent(MAX_ANSWER_BYTES)).toEqual({
      last: { type: "finish", reason: "stop" },
      isAborted: false,
    });
    expect(await lastEvent(MAX_ANSWER_BYTES + 1)).toEqual({
      last: failed("upstream_invalid_response"),
      isAborted: true,
    });
  });
});
