import { describe, expect, it } from "vitest";

import { isJsonArray, isJsonObject, type JsonObject } from "../../src/platform/canonical-json.ts";
import { call, calls, ChatScene, OFFERED, request, says } from "../support/chat-scene.ts";
import { MemoryResults } from "../support/memory-stores.ts";
import { succeeded } from "../support/fake-lanes.ts";

const BIG = { items: Array.from({ length: 3_000 }, (_, id) => ({ id, name: `Item ${id}` })) };

function toolNames(body: JsonObject | undefined): readonly unknown[] {
  const tools = body?.["tools"];
  if (tools === undefined || !isJsonArray(tools)) return [];
  return tools.map((tool) =>
    isJsonObject(tool) && isJsonObject(tool["function"] ?? null)
      ? Object(tool["function"])["name"]
      : null,
  );
}

/** A chat whose tool answers `BIG`, and whose model asks for item 2,345 by the handle it was given. */
function scene(kept = new MemoryResults()): ChatScene {
  const one: ChatScene = new ChatScene({
    kept,
    model: [
      calls(call(0, "weather")),
      {
        get steps() {
          const [handle = ""] = [...kept.values.keys()];
          const query = JSON.stringify({ handle, pointer: "/items/2345" });
          return [
            ...call(0, "result_query", query, "q"),
            { type: "finish" as const, reason: "tool_calls" },
          ];
        },
      },
      says("Done."),
    ],
    tool: () => ({ durationMs: 10, outcome: succeeded(BIG) }),
  });
  return one;
}

describe("runChat with a result that is too long", () => {
  it("shows the model a cut, offers result_query, and gives it the item it asks for", async () => {
    const chat = scene();
    const end = await chat.run();
    expect(chat.toolContents(1)).toEqual([
      {
        handle: expect.stringMatching(/^res_/),
        bytes: expect.any(Number),
        cut: { items: expect.any(Array) },
      },
    ]);
    expect(toolNames(chat.asked[0])).toEqual(["weather", "shop_buy"]);
    expect(toolNames(chat.asked[1])).toEqual(["weather", "shop_buy", "result_query"]);
    expect(chat.toolContents(2)[1]).toEqual({ id: 2345, name: "Item 2345" });
    expect(end).toMatchObject({ summary: { turns: 3, calls: 2 } });
    const told = chat.events.flatMap((event) => (event.type === "tool" ? [event.activity] : []));
    expect(told.filter(({ name }) => name === "result_query").map(({ type }) => type)).toEqual([
      "tool.started",
      "tool.result",
    ]);
  });

  it("asks with the same bytes again: earlier cuts do not change", async () => {
    const chat = scene();
    await chat.run();
    const before = JSON.stringify(chat.asked[1]?.["messages"]);
    expect(JSON.stringify(chat.asked[2]?.["messages"])).toContain(before.slice(1, -1));
  });

  it("offers result_query from the first turn when the conversation holds a handle", async () => {
    const handle = "res_AAAAAAAAAAAAAAAAAAAAAA";
    const chat = new ChatScene({
      model: [says("Hi.")],
      request: request({ messages: [{ role: "assistant", content: `See ${handle}.` }] }),
    });
    await chat.run();
    expect(toolNames(chat.asked[0])).toContain("result_query");
  });

  it("refuses a client's tool of that name while gateway tools are offered", async () => {
    const tools = [{ type: "function", function: { name: "result_query" } }];
    const chat = new ChatScene({ model: [says("Hi.")], request: request({ tools }) });
    expect(await chat.run()).toMatchObject({
      type: "failed",
      error: { code: "validation_failed" },
    });
    const alone = new ChatScene({ model: [says("Hi.")], request: request({ tools }), offered: [] });
    expect(await alone.run()).toMatchObject({ type: "finished" });
  });

  it("waits for a store that hangs no longer than to its deadline, or until its client goes", async () => {
    const kept = new MemoryResults();
    kept.keep = () => new Promise(() => undefined);
    const hanging = () =>
      new ChatScene({
        kept,
        model: [calls(call(0, "weather")), says("Done.")],
        bounds: { deadlineMs: 2_000 },
        tool: () => ({ durationMs: 10, outcome: succeeded(BIG) }),
      });
    const late = hanging();
    expect(await late.run()).toMatchObject({ summary: { stopped_by: "deadline" } });
    const left = hanging();
    const run = left.start();
    await left.clock.advance(100);
    left.cancel();
    await left.clock.runUntil(run);
    expect(left.clock.pending).toBe(0);
  });

  it("leaves a tenant's own tool of that name alone", async () => {
    const own = { wireName: "result_query", name: "result_query", description: "Own.", input: {} };
    const chat = new ChatScene({
      offered: [...OFFERED, own],
      model: [calls(call(0, "weather")), calls(call(0, "result_query")), says("Done.")],
      tool: (planned) => ({
        durationMs: 10,
        outcome: succeeded(planned.tool === "result_query" ? "mine" : BIG),
      }),
    });
    await chat.run();
    expect(toolNames(chat.asked[1])).toEqual(["weather", "shop_buy", "result_query"]);
    expect(chat.toolContents(2)[1]).toBe("mine");
  });

  it.each([
    ["{", "arguments_not_json"],
    ['{"handle":"res_x"}', "arguments_invalid"],
    ['{"handle":"res_AAAAAAAAAAAAAAAAAAAAAA"}', "result_unknown"],
    ['{"handle":"res_AAAAAAAAAAAAAAAAAAAAAA","what":1}', "arguments_invalid"],
  ])("answers a query %s with the error %s", async (query, code) => {
    const chat = new ChatScene({ model: [calls(call(0, "result_query", query)), says("Sorry.")] });
    await chat.run();
    expect(chat.toolContents(1)).toEqual([{ error: expect.objectContaining({ code }) }]);
  });
});
