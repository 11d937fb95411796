import { describe, expect, it } from "vitest";

import { eventStream, type EventStreamOptions } from "../../src/edge/event-stream.ts";

/** A source under the test's control, and what happened to it. */
function scene(options: Partial<EventStreamOptions<string>> = {}) {
  const log: string[] = [];
  const left = new AbortController();
  const waiting: PromiseWithResolvers<IteratorResult<string>>[] = [];
  const ready: IteratorResult<string>[] = [];
  const source: AsyncIterator<string> = {
    next: () => {
      log.push("next");
      const done = ready.shift();
      if (done !== undefined) return Promise.resolve(done);
      const later = Promise.withResolvers<IteratorResult<string>>();
      waiting.push(later);
      return later.promise;
    },
  };
  const stream = eventStream(source, {
    encode: (event) => event,
    isLast: (event) => event === "last",
    unfinished: (isFault) => (isFault ? "fault" : "unfinished"),
    heartbeat: "beat",
    heartbeatMs: 60_000,
    signal: left.signal,
    stop: () => log.push("stop"),
    failed: () => log.push("failed"),
    ended: () => log.push("ended"),
    ...options,
  });
  function give(result: IteratorResult<string>): void {
    const first = waiting.shift();
    if (first === undefined) ready.push(result);
    else first.resolve(result);
  }
  return {
    log,
    left,
    reader: stream.getReader(),
    give: (value: string) => give({ done: false, value }),
    close: () => give({ done: true, value: undefined }),
    fail: () => waiting.shift()?.reject(new Error("bug")),
  };
}

async function text(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | null> {
  const read = await reader.read();
  return read.done ? null : new TextDecoder().decode(read.value);
}

describe("eventStream", () => {
  it("writes each event as its own piece and ends once, with nothing added to a whole stream", async () => {
    const { reader, give, close, log } = scene();
    give("one");
    give("");
    give("last");
    close();
    expect(await text(reader)).toBe("one");
    expect(await text(reader)).toBe("last");
    expect(await text(reader)).toBe(null);
    expect(log.filter((entry) => entry !== "next")).toEqual(["ended"]);
  });

  it("asks for the next event only when the reader has taken the last one", async () => {
    const { reader, give, log } = scene();
    give("one");
    give("two");
    await scheduler.wait(20);
    expect(log).toEqual([]);
    await text(reader);
    await scheduler.wait(20);
    expect(log).toEqual(["next"]);
  });

  it("beats while the source is silent or says nothing worth writing, and loses no event over it", async () => {
    const { reader, give, log } = scene({ heartbeatMs: 20 });
    give("");
    expect(await text(reader)).toBe("beat");
    expect(await text(reader)).toBe("beat");
    give("one");
    expect(await text(reader)).toBe("one");
    // The silent one, then one question that waited through two beats.
    expect(log).toEqual(["next", "next"]);
  });

  it("says so when the source ends before the stream is whole", async () => {
    const { reader, give, close, log } = scene();
    give("one");
    close();
    expect(await text(reader)).toBe("one");
    expect(await text(reader)).toBe("unfinished");
    expect(await text(reader)).toBe(null);
    expect(log).toContain("ended");
  });

  it("stops the source at once when the reader cancels, even while it waits", async () => {
    const { reader, log } = scene();
    const read = text(reader);
    await reader.cancel();
    expect(log).toEqual(["next", "stop", "ended"]);
    expect(await read).toBe(null);
  });

  it("stops the source at once when the client is known to have left", async () => {
    const { reader, left, give, log } = scene();
    const read = text(reader);
    left.abort();
    expect(log).toEqual(["next", "stop", "ended"]);
    give("late");
    await Promise.race([read, scheduler.wait(20)]);
    await reader.cancel();
    expect(log).toEqual(["next", "stop", "ended"]);
  });

  it("stops a source whose client had left before it began", () => {
    const left = new AbortController();
    left.abort();
    expect(scene({ signal: left.signal }).log).toEqual(["stop", "ended"]);
  });

  it("ends with a last word when the source has a bug", async () => {
    const { reader, fail, log } = scene();
    const read = text(reader);
    await scheduler.wait(1);
    fail();
    expect(await read).toBe("fault");
    expect(await text(reader)).toBe(null);
    expect(log).toEqual(["next", "failed", "ended"]);
  });

  it("keeps quiet about a source that breaks after its client has left", async () => {
    const { reader, fail, left, log } = scene();
    const read = text(reader);
    await scheduler.wait(1);
    left.abort();
    fail();
    await Promise.race([read, scheduler.wait(20)]);
    expect(log).toEqual(["next", "stop", "ended"]);
  });
});
