import { describe, expect, it } from "vitest";

import { memoryTurns } from "../../src/library/chat.ts";
import { defineTool } from "../../src/library/define-tool.ts";
import { EVENTS_AHEAD, lazyEvents } from "../../src/library/lazy-events.ts";
import { run } from "../../src/library/run.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { FakeOrigin, MAX_SEEN } from "../../src/library/testing/fake-origin.ts";
import { MAX_TOOLS } from "../../src/library/tool-set.ts";

const input = { type: "object" } as const;

function toolsOf(count: number) {
  return Array.from({ length: count }, (_, n) =>
    defineTool({ name: `tool_${n}`, description: "A tool", input, handler: () => n }),
  );
}

describe("what the library holds at once is bounded", () => {
  it("tools of a run", () => {
    const calls = [{ tool: "tool_0" }];
    expect(() => run(calls, { tools: toolsOf(MAX_TOOLS) })).not.toThrow();
    expect(() => run(calls, { tools: toolsOf(MAX_TOOLS + 1) })).toThrow("at most 1000 tools");
  });

  it("events that nobody has read yet: whoever says more waits for the reader", async () => {
    let said = 0;
    const events = lazyEvents<number>(new AbortController().signal, async (emit) => {
      for (let n = 0; n < 3 * EVENTS_AHEAD; n += 1) {
        await emit(n);
        said += 1;
      }
    });
    const clock = new FakeClock();
    const iterator = events[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 0 });
    await clock.settle();
    expect(said).toBe(EVENTS_AHEAD + 1);
    const read: number[] = [];
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
      read.push(next.value);
    expect(read).toHaveLength(3 * EVENTS_AHEAD - 1);
  });

  it("turns kept in memory: the oldest leaves", async () => {
    const turns = memoryTurns(() => 0);
    for (let n = 0; n <= 1_000; n += 1) await turns.save(`turn_${n}`, { calls: [], results: {} });
    expect(await turns.load("turn_0")).toBe(null);
    expect(await turns.load("turn_1")).not.toBe(null);
  });

  it("requests a fake origin remembers: one more is an error of the test", async () => {
    const origin = new FakeOrigin(new FakeClock(), {});
    const request = {
      method: "GET",
      url: new URL("https://a.example.com/"),
      headers: {},
      body: null,
    };
    const options = { allowLoopback: false, maxBytes: 1 };
    const send = () => origin.send(request, options, new AbortController().signal);
    for (let n = 0; n < MAX_SEEN; n += 1) await send();
    await expect(send()).rejects.toThrow("more than 10000 requests");
    expect(origin.open).toBe(0);
  });
});
