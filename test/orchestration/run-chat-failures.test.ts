import { describe, expect, it } from "vitest";

import { call, calls, ChatScene, finish, says, text } from "../support/chat-scene.ts";
import { FAILED, succeeded } from "../support/fake-lanes.ts";

describe("runChat with calls that go wrong", () => {
  it.each([
    ["a tool nobody offers", call(0, "nothing"), { code: "unknown_tool", status: "failed" }, "{}"],
    [
      "arguments against the schema",
      call(0, "weather", '{"bad":1}'),
      { code: "arguments_invalid" },
      '{"bad":1}',
    ],
    [
      "arguments that are not JSON",
      call(0, "weather", '{"city":'),
      { code: "arguments_not_json" },
      "{}",
    ],
  ])(
    "tells the model about %s instead of sending it",
    async (_name, made, error, argumentsJson) => {
      const scene = new ChatScene({ model: [calls(made), says("Sorry.")] });
      expect(await scene.run()).toMatchObject({ finishReason: "stop", summary: { calls: 0 } });
      expect(scene.lanes.starts).toEqual([]);
      expect(scene.asked[1]).toMatchObject({
        messages: [
          {},
          { tool_calls: [{ function: { arguments: argumentsJson } }] },
          { role: "tool" },
        ],
      });
      expect(scene.toolContents(1)).toMatchObject([{ error }]);
    },
  );

  it("takes empty arguments as none", async () => {
    const scene = new ChatScene({ model: [calls(call(0, "weather", "")), says("Done.")] });
    await scene.run();
    expect(scene.lanes.starts).toHaveLength(1);
    expect(scene.asked[1]).toMatchObject({
      messages: [{}, { tool_calls: [{ function: { arguments: "{}" } }] }, {}],
    });
  });

  it("tells the model how a call failed, with its status, and goes on", async () => {
    const scene = new ChatScene({
      model: [calls(call(0, "weather"), call(1, "shop_buy")), says("Partly.")],
      tool: (planned) =>
        planned.tool === "shop.buy"
          ? { durationMs: 5, outcome: { status: "succeeded", cache: "bypass", attempts: 1 } }
          : {
              durationMs: 5,
              outcome: {
                ...FAILED,
                status: "rate_limited",
                error: { code: "rate_limited", message: "Later.", retry_after_ms: 800 },
              },
            },
    });
    await scene.run();
    expect(scene.asked[1]).toMatchObject({
      messages: [
        {},
        {},
        {
          content:
            '{"error":{"code":"rate_limited","message":"Later.","retry_after_ms":800,"status":"rate_limited"}}',
        },
        { content: "null" },
      ],
    });
  });

  it("says what each gateway call does as activity", async () => {
    const scene = new ChatScene({
      model: [
        calls(
          call(0, "weather", "{}", "ok"),
          call(1, "weather", "{}", "hit"),
          call(2, "weather", "{}", "bad"),
          call(3, "nothing"),
        ),
        says("Done."),
      ],
      tool: (planned) => {
        if (planned.id === "ok") return { durationMs: 30, outcome: succeeded() };
        return planned.id === "hit"
          ? { durationMs: 10, outcome: { ...succeeded(), cache: "hit" } }
          : { durationMs: 20, outcome: FAILED };
      },
    });
    await scene.run();
    const activity = scene.events.flatMap((event) =>
      event.type === "tool" ? [event.activity] : [],
    );
    expect(activity.map(({ type, call_id }) => `${type} ${call_id}`)).toEqual([
      "tool.error m3_nothing",
      "tool.started ok",
      "tool.started hit",
      "tool.started bad",
      "tool.cache_hit hit",
      "tool.result hit",
      "tool.error bad",
      "tool.result ok",
    ]);
    expect(activity.at(-1)).toEqual({
      type: "tool.result",
      call_id: "ok",
      name: "weather",
      t_ms: 30,
      status: "succeeded",
      duration_ms: 30,
    });
  });

  it("names a tool in its activity as the tenant does", async () => {
    const scene = new ChatScene({ model: [calls(call(0, "shop_buy")), says("Done.")] });
    await scene.run();
    expect(scene.events.find(({ type }) => type === "tool")).toMatchObject({
      activity: { name: "shop.buy" },
    });
  });

  it("fails with the model's error when the first turn fails, before anything was said", async () => {
    const error = { code: "model_not_found", model: "m" } as const;
    const scene = new ChatScene({ model: [{ error }] });
    await scene.run();
    expect(scene.events).toEqual([{ type: "failed", error, run: "run_1" }]);
    expect(scene.lanes.closed).toBe(1);
  });

  it("fails after what was said when a later turn fails", async () => {
    const scene = new ChatScene({
      model: [
        { steps: [text("One"), ...call(0, "weather"), finish("tool_calls")] },
        { error: { code: "upstream_unreachable" } },
      ],
    });
    expect(await scene.run()).toEqual({
      type: "failed",
      error: { code: "upstream_unreachable" },
      run: "run_1",
    });
    expect(scene.content()).toBe("One");
  });

  it("fails when the stream breaks, and when it ends without a finish reason", async () => {
    const broken = new ChatScene({
      model: [{ steps: [text("One"), { type: "failed", error: { code: "upstream_timeout" } }] }],
    });
    expect(await broken.run()).toMatchObject({
      type: "failed",
      error: { code: "upstream_timeout" },
    });
    const cut = new ChatScene({ model: [{ steps: [text("One"), ...call(0, "shop_buy")] }] });
    expect(await cut.run()).toMatchObject({
      type: "failed",
      error: { code: "upstream_invalid_response" },
    });
    expect(cut.lanes.starts).toEqual([]);
  });

  it("ignores arguments of a call that was never opened", async () => {
    const scene = new ChatScene({
      model: [
        { steps: [{ type: "call_arguments", index: 7, delta: "{}" }, text("Hi"), finish("stop")] },
      ],
    });
    expect(await scene.run()).toMatchObject({ type: "finished", finishReason: "stop" });
  });
});
