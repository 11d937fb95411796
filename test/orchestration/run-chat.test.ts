import { describe, expect, it } from "vitest";

import { call, calls, ChatScene, finish, request, says, text } from "../support/chat-scene.ts";
import { succeeded } from "../support/fake-lanes.ts";

const PARIS = '{"city":"Paris"}';

describe("runChat", () => {
  it("hands on an answer that needs no tool", async () => {
    const scene = new ChatScene({
      model: [
        {
          steps: [
            { type: "meta", meta: { model: "m-1" } },
            { type: "delta", delta: { content: "Hi" }, logprobs: { content: [] } },
            finish("stop"),
            { type: "usage", usage: { total_tokens: 3 } },
          ],
        },
      ],
    });
    await scene.run();
    expect(scene.events).toEqual([
      { type: "started", run: "run_1", model: "m" },
      { type: "meta", meta: { model: "m-1" } },
      { type: "delta", delta: { content: "Hi" }, logprobs: { content: [] } },
      {
        type: "finished",
        finishReason: "stop",
        usage: { total_tokens: 3 },
        summary: { run: "run_1", turns: 1, calls: 0, cache_hits: 0, saved_ms: 0, shards: 0 },
      },
    ]);
    expect(scene.lanes.closed).toBe(1);
    expect(scene.clock.pending).toBe(0);
  });

  it("runs the model's calls in parallel and gives it the results in call order", async () => {
    const scene = new ChatScene({
      model: [
        calls(call(0, "weather", PARIS), call(1, "shop_buy", "{}"), call(2, "weather", "{}")),
        says("Sunny."),
      ],
      tool: (planned) => ({
        durationMs: planned.id === "m0_weather" ? 300 : 100,
        outcome: {
          ...succeeded(planned.id),
          ...(planned.id === "m2_weather" ? { cache: "hit" as const } : {}),
        },
      }),
    });
    const end = await scene.run();
    expect(scene.asked[1]).toMatchObject({
      messages: [
        { role: "user", content: "Hello" },
        {
          role: "assistant",
          content: null,
          tool_calls: [
            { id: "m0_weather", type: "function", function: { name: "weather", arguments: PARIS } },
            {
              id: "m1_shop_buy",
              type: "function",
              function: { name: "shop_buy", arguments: "{}" },
            },
            { id: "m2_weather", type: "function", function: { name: "weather", arguments: "{}" } },
          ],
        },
        { role: "tool", tool_call_id: "m0_weather", content: '"m0_weather"' },
        { role: "tool", tool_call_id: "m1_shop_buy", content: '"m1_shop_buy"' },
        { role: "tool", tool_call_id: "m2_weather", content: '"m2_weather"' },
      ],
    });
    expect(scene.content()).toBe("Sunny.");
    expect(end).toMatchObject({
      finishReason: "stop",
      summary: { turns: 2, calls: 3, cache_hits: 1, saved_ms: 200, shards: 1 },
    });
  });

  it("shows nothing of an inner turn but its text: no gateway call, no inner finish, no role tool", async () => {
    const scene = new ChatScene({
      model: [
        { steps: [text("Looking."), ...call(0, "weather"), finish("tool_calls")] },
        says("Done."),
      ],
    });
    await scene.run();
    expect(scene.events.filter(({ type }) => type !== "tool").map(({ type }) => type)).toEqual([
      "started",
      "delta",
      "delta",
      "delta",
      "finished",
    ]);
  });

  it("streams every turn's text live, with an empty line between the texts of two turns", async () => {
    const scene = new ChatScene({
      model: [
        {
          steps: [text(""), text("One"), text(" and"), ...call(0, "weather"), finish("tool_calls")],
        },
        calls(call(0, "weather")),
        { steps: [text("Two"), text("."), finish("stop")] },
      ],
    });
    const run = scene.start();
    await scene.clock.advance(50);
    expect(scene.content()).toBe("One and");
    await scene.clock.runUntil(run);
    expect(scene.content()).toBe("One and\n\nTwo.");
    expect(scene.events.filter(({ type }) => type === "delta")).toHaveLength(6);
  });

  it("puts no empty line before the first text, and separates reasoning by itself", async () => {
    const think = (reasoning_content: string) => ({
      type: "delta" as const,
      delta: { reasoning_content },
    });
    const scene = new ChatScene({
      model: [
        { steps: [think("hm"), ...call(0, "weather"), finish("tool_calls")] },
        { steps: [think("so"), text("Answer"), finish("stop")] },
      ],
    });
    await scene.run();
    expect(scene.content("reasoning_content")).toBe("hm\n\nso");
    expect(scene.content()).toBe("Answer");
  });

  it("gives the model its own text and reasoning back in the next turn", async () => {
    const scene = new ChatScene({
      model: [
        {
          steps: [
            {
              type: "delta",
              delta: { reasoning_content: "a", reasoning_details: [{ text: "a" }] },
            },
            {
              type: "delta",
              delta: { reasoning_content: "b", reasoning_details: [{ text: "b" }] },
            },
            text("One"),
            { type: "delta", delta: { refusal: null, annotations: [] } },
            ...call(0, "weather"),
            finish("tool_calls"),
          ],
        },
        says("Done."),
      ],
    });
    await scene.run();
    expect(scene.asked[1]).toMatchObject({
      messages: [
        {},
        {
          role: "assistant",
          content: "One",
          reasoning_content: "ab",
          reasoning_details: [{ text: "a" }, { text: "b" }],
        },
        {},
      ],
    });
  });

  it("sums usage over the turns, taking the last count of a turn that counts while it streams", async () => {
    const usage = (total: number) => ({
      type: "usage" as const,
      usage: { total_tokens: total, prompt_tokens_details: { cached_tokens: 1 } },
    });
    const scene = new ChatScene({
      model: [
        { steps: [usage(1), usage(5), ...call(0, "weather"), finish("tool_calls")] },
        calls(call(0, "weather")),
        { steps: [text("Hi"), finish("stop"), usage(10)] },
      ],
    });
    expect(await scene.run()).toMatchObject({
      usage: { total_tokens: 15, prompt_tokens_details: { cached_tokens: 2 } },
    });
  });

  it("hands on top-level fields of the first turn only", async () => {
    const meta = (fingerprint: string) => ({
      type: "meta" as const,
      meta: { system_fingerprint: fingerprint },
    });
    const scene = new ChatScene({
      model: [
        { steps: [meta("a"), ...call(0, "weather"), finish("tool_calls")] },
        { steps: [meta("b"), text("Hi"), finish("stop")] },
      ],
    });
    await scene.run();
    expect(scene.events.filter(({ type }) => type === "meta")).toEqual([meta("a")]);
  });

  it.each(["length", "content_filter"])(
    "does not run calls of a turn that ended with %s",
    async (reason) => {
      const scene = new ChatScene({
        model: [{ steps: [...call(0, "shop_buy", '{"cut'), finish(reason)] }],
      });
      expect(await scene.run()).toMatchObject({ type: "finished", finishReason: reason });
      expect(scene.lanes.starts).toEqual([]);
    },
  );

  it("runs calls of a provider that ends their turn with stop", async () => {
    const scene = new ChatScene({
      model: [{ steps: [...call(0, "weather"), finish("stop")] }, says("Done.")],
    });
    await scene.run();
    expect(scene.lanes.starts).toHaveLength(1);
  });

  it("never ends with tool_calls when the client has no call to make", async () => {
    const scene = new ChatScene({ model: [{ steps: [text("Hi"), finish("tool_calls")] }] });
    expect(await scene.run()).toMatchObject({ finishReason: "stop" });
  });

  it("runs calls one by one when parallel_tool_calls is false, and passes the wish on", async () => {
    const scene = new ChatScene({
      model: [calls(call(0, "weather"), call(1, "weather", "{}", "second")), says("Done.")],
      request: request({ parallel_tool_calls: false }),
    });
    expect(await scene.run()).toMatchObject({ summary: { saved_ms: 0 } });
    expect(scene.lanes.maxInFlight).toBe(1);
    expect(scene.asked[0]).toMatchObject({ parallel_tool_calls: false });
  });

  it("makes empty and repeated call ids unique", async () => {
    const scene = new ChatScene({
      model: [
        calls(
          call(0, "weather", "{}", ""),
          call(1, "weather", "{}", "x"),
          call(2, "weather", "{}", "x"),
        ),
        calls(call(0, "weather", "{}", "x")),
        says("Done."),
      ],
    });
    await scene.run();
    const ids = scene.lanes.starts.map(({ id }) => id);
    expect(new Set(ids).size).toBe(4);
    expect(ids).not.toContain("");
    expect(ids[1]).toBe("x");
  });
});
