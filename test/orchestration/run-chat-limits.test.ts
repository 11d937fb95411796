import { describe, expect, it } from "vitest";

import type { ChatEvent } from "../../src/contract/chat.ts";
import { STOP_GRACE_MS } from "../../src/orchestration/schedule/outcomes.ts";
import { call, calls, ChatScene, finish, says, text } from "../support/chat-scene.ts";
import { succeeded } from "../support/fake-lanes.ts";

const SLOW = (): { durationMs: number; outcome: ReturnType<typeof succeeded> } => ({
  durationMs: 5_000,
  outcome: succeeded(),
});

describe("runChat at a limit", () => {
  it("stops at max_turns, without calls whose results no model would read", async () => {
    const scene = new ChatScene({
      model: [calls(call(0, "weather")), calls(call(0, "shop_buy"))],
      bounds: { maxTurns: 2 },
    });
    expect(await scene.run()).toMatchObject({
      type: "finished",
      finishReason: "length",
      summary: { turns: 2, calls: 1, stopped_by: "max_turns" },
    });
    expect(scene.asked).toHaveLength(2);
    expect(scene.lanes.starts.map(({ tool }) => tool)).toEqual(["weather"]);
  });

  it("answers in the last turn that max_turns allows", async () => {
    const scene = new ChatScene({
      model: [calls(call(0, "weather")), says("Done.")],
      bounds: { maxTurns: 2 },
    });
    const end = await scene.run();
    expect(end).toMatchObject({ finishReason: "stop", summary: { turns: 2 } });
    expect(end).not.toHaveProperty("summary.stopped_by");
  });

  it("executes no call beyond max_calls and stops", async () => {
    const scene = new ChatScene({
      model: [
        calls(call(0, "weather")),
        calls(call(0, "weather"), call(1, "weather"), call(2, "weather")),
      ],
      bounds: { maxCalls: 3 },
    });
    expect(await scene.run()).toMatchObject({
      finishReason: "length",
      summary: { turns: 2, calls: 3, stopped_by: "max_calls" },
    });
    expect(scene.lanes.starts).toHaveLength(3);
    const refused = scene.events.filter(
      (event) => event.type === "tool" && event.activity.type === "tool.error",
    );
    expect(refused).toHaveLength(1);
  });

  it("goes on when the calls are exactly max_calls", async () => {
    const scene = new ChatScene({
      model: [calls(call(0, "weather"), call(1, "weather")), says("Done.")],
      bounds: { maxCalls: 2 },
    });
    expect(await scene.run()).toMatchObject({ finishReason: "stop", summary: { calls: 2 } });
  });

  it("never has more than max_parallel calls in flight", async () => {
    const made = Array.from({ length: 20 }, (_, index) => call(index, "weather"));
    const scene = new ChatScene({
      model: [calls(...made), says("Done.")],
      bounds: { maxParallel: 7 },
    });
    expect(await scene.run()).toMatchObject({ summary: { calls: 20, shards: 2 } });
    expect(scene.lanes.maxInFlight).toBe(7);
  });

  it("ends with length at the deadline while tools run, aborting them", async () => {
    const scene = new ChatScene({
      model: [{ steps: [text("Wait."), ...call(0, "weather"), finish("tool_calls")] }],
      tool: SLOW,
      bounds: { deadlineMs: 1_000 },
    });
    const begin = scene.clock.now();
    expect(await scene.run()).toMatchObject({
      finishReason: "length",
      summary: { turns: 1, calls: 1, stopped_by: "deadline" },
    });
    expect(scene.lanes.aborted).toEqual(["m0_weather"]);
    expect(scene.clock.now() - begin).toBeLessThanOrEqual(1_000 + STOP_GRACE_MS);
  });

  it("ends with length at the deadline inside a model turn; the text so far stands", async () => {
    const scene = new ChatScene({
      model: [
        { steps: [text("Half"), { type: "wait", ms: 5_000 }, text(" more"), finish("stop")] },
      ],
      bounds: { deadlineMs: 1_000 },
    });
    expect(await scene.run()).toMatchObject({
      finishReason: "length",
      summary: { stopped_by: "deadline" },
    });
    expect(scene.content()).toBe("Half");
    expect(scene.left).toBe(1);
  });

  it("does not wait at the deadline for a model that ignores its signal", async () => {
    const headers = new ChatScene({
      model: [calls(call(0, "weather")), { headersAfterMs: 9_000, steps: [], ignoresSignal: true }],
      bounds: { deadlineMs: 1_000 },
    });
    const begin = headers.clock.now();
    expect(await headers.run()).toMatchObject({ finishReason: "length", summary: { turns: 1 } });
    expect(headers.clock.now() - begin).toBe(1_000);
    const stream = new ChatScene({
      model: [{ steps: [{ type: "wait", ms: 9_000 }], ignoresSignal: true }],
      bounds: { deadlineMs: 1_000 },
    });
    expect(await stream.run()).toMatchObject({
      finishReason: "length",
      summary: { stopped_by: "deadline" },
    });
  });

  it("fails with deadline_exceeded when the deadline comes before the first byte", async () => {
    for (const ignoresSignal of [true, false]) {
      const scene = new ChatScene({
        model: [{ headersAfterMs: 9_000, steps: [], ignoresSignal }],
        bounds: { deadlineMs: 1_000 },
      });
      await scene.run();
      expect(scene.events).toEqual([
        { type: "failed", error: { code: "deadline_exceeded" }, run: "run_1" },
      ]);
    }
  });

  it("takes the stop as the reason when the model reports its abort first", async () => {
    const scene = new ChatScene({ model: [{ error: { code: "cancelled" } }] });
    scene.cancel();
    expect(await scene.run()).toEqual({
      type: "failed",
      error: { code: "cancelled" },
      run: "run_1",
    });
  });
});

describe("runChat when the client goes", () => {
  it("stops tools at once, says nothing more but failed, and closes the lanes", async () => {
    const scene = new ChatScene({ model: [calls(call(0, "weather")), says("Never.")], tool: SLOW });
    const run = scene.start();
    await scene.clock.advance(100);
    const said = scene.events.length;
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(scene.lanes.aborted).toEqual(["m0_weather"]);
    expect(scene.events.slice(said)).toEqual([
      { type: "failed", error: { code: "cancelled" }, run: "run_1" },
    ]);
    expect(scene.lanes.closed).toBe(1);
    expect(scene.clock.pending).toBe(0);
    expect(scene.asked).toHaveLength(1);
  });

  it("leaves the model's stream", async () => {
    const scene = new ChatScene({
      model: [{ steps: [text("A"), { type: "wait", ms: 5_000 }, finish("stop")] }],
    });
    const run = scene.start();
    await scene.clock.advance(100);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(scene.left).toBe(1);
    expect(scene.events.at(-1)).toMatchObject({ type: "failed", error: { code: "cancelled" } });
  });

  it("does not wait for a reader that no longer reads", async () => {
    const scene = new ChatScene({ model: [{ steps: [text("A"), text("B"), finish("stop")] }] });
    const seen: ChatEvent[] = [];
    const run = scene.start((event) => {
      seen.push(event);
      // The second event is never taken; the last one is.
      return event.type === "delta" ? new Promise(() => undefined) : Promise.resolve();
    });
    await scene.clock.advance(100);
    scene.cancel();
    await scene.clock.runUntil(run);
    expect(seen.map(({ type }) => type)).toEqual(["started", "delta", "failed"]);
  });

  it("slows the run down to a slow reader and loses nothing", async () => {
    const scene = new ChatScene({ model: [{ steps: [text("A"), text("B"), finish("stop")] }] });
    const run = scene.start(async (event) => {
      await scene.clock.sleep(50, new AbortController().signal);
      scene.events.push(event);
    });
    const begin = scene.clock.now();
    await scene.clock.runUntil(run);
    expect(scene.content()).toBe("AB");
    expect(scene.clock.now() - begin).toBe(200);
  });
});
