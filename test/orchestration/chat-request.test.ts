import { describe, expect, it } from "vitest";

import {
  calls,
  call,
  ChatScene,
  CLIENT_TOOL,
  OFFERED,
  request,
  says,
} from "../support/chat-scene.ts";

const TOOL_CALL = [calls(call(0, "weather")), says("Done.")];

describe("the request of a chat run", () => {
  it("refuses n above 1 and names that are both, as the first event and with their pointers", async () => {
    const scene = new ChatScene({
      model: [],
      request: request({
        n: 2,
        tools: [
          CLIENT_TOOL,
          { type: "function", function: { name: "weather" } },
          { type: "function", function: { name: "shop.buy" } },
          { type: "custom", custom: { name: "shop_buy" } },
          { type: "web_search" },
        ],
      }),
    });
    await scene.run();
    expect(scene.events).toMatchObject([
      {
        type: "failed",
        error: {
          code: "validation_failed",
          violations: [
            { pointer: "/n" },
            { pointer: "/tools/1/function/name" },
            { pointer: "/tools/2/function/name" },
            { pointer: "/tools/3/custom/name" },
          ],
        },
      },
    ]);
    expect(scene.asked).toEqual([]);
    expect(scene.lanes.closed).toBe(1);
  });

  it("lets a tool of any name pass when no gateway tool is offered, but never a second choice", async () => {
    const tools = [{ type: "function", function: { name: "weather" } }];
    const scene = new ChatScene({ model: [says("Hi")], offered: [], request: request({ tools }) });
    expect(await scene.run()).toMatchObject({ type: "finished" });

    const two = new ChatScene({ model: [], offered: [], request: request({ n: 2 }) });
    expect(await two.run()).toMatchObject({
      type: "failed",
      error: { code: "validation_failed", violations: [{ pointer: "/n" }] },
    });
    expect(two.asked).toEqual([]);
  });

  it("passes unknown fields on untouched and in the client's order, adds its tools after the client's", async () => {
    const scene = new ChatScene({
      model: [says("Hi")],
      request: {
        temperature: 0.1,
        tools: [CLIENT_TOOL],
        x_gw: { run: "old" },
        model: "m",
        messages: [{ role: "user", content: "Hello", name: "Ann" }],
        response_format: { type: "json_object" },
        stream_options: { include_usage: false, include_obfuscation: false },
        stream: true,
      },
    });
    await scene.run();
    expect(JSON.stringify(scene.asked[0])).toBe(
      JSON.stringify({
        temperature: 0.1,
        tools: [
          CLIENT_TOOL,
          ...OFFERED.map(({ wireName, description, input }) => ({
            type: "function",
            function: { name: wireName, description, parameters: input },
          })),
        ],
        model: "m",
        messages: [{ role: "user", content: "Hello", name: "Ann" }],
        response_format: { type: "json_object" },
        stream_options: { include_usage: true, include_obfuscation: false },
        stream: true,
      }),
    );
  });

  it("asks without streaming for a client that does not stream", async () => {
    const scene = new ChatScene({
      model: [says("Hi")],
      request: request({ stream: null, stream_options: { include_usage: true } }),
    });
    await scene.run();
    expect(scene.asked[0]).toMatchObject({ stream: false });
    expect(scene.asked[0]).not.toHaveProperty("stream_options");
  });

  it("leaves tools out when there are none", async () => {
    const scene = new ChatScene({
      model: [says("Hi")],
      offered: [],
      request: request({ tools: [] }),
    });
    await scene.run();
    expect(scene.asked[0]).not.toHaveProperty("tools");
    expect(scene.asked[0]).not.toHaveProperty("tool_choice");
  });

  it.each([
    ["required", "required", "auto"],
    ["any", "any", "auto"],
    ["auto", "auto", "auto"],
    ["none", "none", "none"],
    [
      { type: "function", function: { name: "shop.buy" } },
      { type: "function", function: { name: "shop_buy" } },
      "auto",
    ],
    [
      { type: "function", function: { name: "ask_user" } },
      { type: "function", function: { name: "ask_user" } },
      "auto",
    ],
    [
      {
        type: "allowed_tools",
        allowed_tools: {
          mode: "required",
          tools: [{ type: "function", function: { name: "shop.buy" } }, "odd"],
        },
      },
      {
        type: "allowed_tools",
        allowed_tools: {
          mode: "required",
          tools: [{ type: "function", function: { name: "shop_buy" } }, "odd"],
        },
      },
      {
        type: "allowed_tools",
        allowed_tools: {
          mode: "auto",
          tools: [{ type: "function", function: { name: "shop_buy" } }, "odd"],
        },
      },
    ],
    [
      { type: "allowed_tools", allowed_tools: { mode: "auto" } },
      { type: "allowed_tools", allowed_tools: { mode: "auto" } },
      { type: "allowed_tools", allowed_tools: { mode: "auto" } },
    ],
    [{ type: "allowed_tools" }, { type: "allowed_tools" }, { type: "allowed_tools" }],
  ])(
    "sends tool_choice %j as %j in the first turn and as %j after it",
    async (choice, first, later) => {
      const scene = new ChatScene({ model: TOOL_CALL, request: request({ tool_choice: choice }) });
      await scene.run();
      expect(scene.asked.map((body) => body["tool_choice"])).toEqual([first, later]);
    },
  );

  it("sends the same bytes for the same conversation", async () => {
    const [first, second] = [
      new ChatScene({ model: TOOL_CALL }),
      new ChatScene({ model: TOOL_CALL }),
    ];
    await first.run();
    await second.run();
    expect(JSON.stringify(first.asked)).toBe(JSON.stringify(second.asked));
    expect(first.asked).toHaveLength(2);
  });
});
