import { describe, expect, it } from "vitest";

import type { OfferedTool } from "../../../src/orchestration/ports.ts";
import { toolWords, wordsOf } from "../../../src/orchestration/tool-search/tool-words.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../../src/platform/canonical-json.ts";
import { call, calls, ChatScene, type ChatSetup, request, says } from "../../support/chat-scene.ts";

function tool(name: string, description: string, properties: JsonObject = {}): OfferedTool {
  const input = { type: "object", properties };
  return { wireName: name.replaceAll(".", "_"), name, description, input };
}

const TOOLS = [
  tool("weather", "The weather of a city"),
  tool("shop.order", "Orders goods", { sku: { type: "string", description: "Which article" } }),
  tool("shop.cancel", "Takes an order back"),
  tool("mail", "Sends a letter"),
];

const SEARCH = (query: string, limit?: number) =>
  call(0, "tool_search", JSON.stringify(limit === undefined ? { query } : { query, limit }));

/** The names of the tools in each question the model was asked, in their order. */
async function shownBy(setup: Partial<ChatSetup>): Promise<{
  readonly shown: readonly (readonly string[])[];
  readonly scene: ChatScene;
}> {
  const scene = new ChatScene({
    offered: TOOLS,
    bounds: { toolSearchAbove: 3 },
    model: [says("Done.")],
    ...setup,
  });
  await scene.run();
  return { scene, shown: scene.asked.map(({ tools = [] }) => namesOf(tools)) };
}

function namesOf(tools: Json): readonly string[] {
  return (isJsonArray(tools) ? tools : []).map((each) => {
    const described = isJsonObject(each) ? each["function"] : null;
    return isJsonObject(described) ? String(described["name"]) : "";
  });
}

const BUILT_IN = ["tool_search", "result_query"];

describe("tool_search", () => {
  it("stands in for the tools when there are more than may be shown, and not for as many", async () => {
    const { shown } = await shownBy({});
    expect(shown).toEqual([BUILT_IN]);
    const all = await shownBy({ bounds: { toolSearchAbove: 4 } });
    expect(all.shown).toEqual([["weather", "shop_order", "shop_cancel", "mail"]]);
    const { toolSearchAbove: _never, ...bounds } = { toolSearchAbove: 0 };
    expect((await shownBy({ bounds })).shown).toEqual(all.shown);
  });

  it("shows what was found from the next turn on, at the end of the list, and never moves it", async () => {
    const { shown, scene } = await shownBy({
      model: [
        calls(SEARCH("send letters")),
        calls(SEARCH("cancel an order", 1)),
        calls(call(0, "mail")),
        says("Done."),
      ],
    });
    expect(shown).toEqual([
      BUILT_IN,
      [...BUILT_IN, "mail"],
      [...BUILT_IN, "mail", "shop_cancel"],
      [...BUILT_IN, "mail", "shop_cancel"],
    ]);
    const texts = scene.asked.map(({ tools }) => JSON.stringify(tools).slice(1, -1));
    for (const [index, text] of texts.entries())
      expect(text.startsWith(texts[index - 1] ?? ""), `turn ${index + 1}`).toBe(true);
    expect(scene.lanes.starts.map((start) => start.tool)).toEqual(["mail"]);
  });

  it("answers with names and descriptions, best first, and says when nothing fits", async () => {
    const { scene } = await shownBy({
      model: [calls(SEARCH("orders")), calls(SEARCH("quantum")), says("Done.")],
    });
    const results = scene.toolContents(2);
    expect(results[0]).toEqual({
      tools: [
        { name: "shop_order", description: "Orders goods" },
        { name: "shop_cancel", description: "Takes an order back" },
      ],
    });
    expect(results[1]).toMatchObject({ tools: [], hint: expect.stringContaining("other") });
  });

  it("shows at most as many as the limit; what does not fit can still be called by its name", async () => {
    const { shown, scene } = await shownBy({
      bounds: { toolSearchAbove: 1 },
      model: [calls(SEARCH("orders")), calls(call(0, "shop_cancel")), says("Done.")],
    });
    expect(shown[1]).toEqual([...BUILT_IN, "shop_order"]);
    expect(scene.lanes.starts.map((start) => start.tool)).toEqual(["shop.cancel"]);
  });

  it("shows what the client's choice names, forced or allowed, and what was called before", async () => {
    const forced = { type: "function", function: { name: "shop.order" } };
    const first = await shownBy({ request: request({ tool_choice: forced }) });
    expect(first.shown).toEqual([[...BUILT_IN, "shop_order"]]);
    expect(first.scene.asked[0]?.["tool_choice"]).toEqual({
      type: "function",
      function: { name: "shop_order" },
    });
    const allowed_tools = {
      mode: "auto",
      tools: ["mail", "weather"].map((name) => ({ type: "function", function: { name } })),
    };
    const second = await shownBy({
      request: request({ tool_choice: { type: "allowed_tools", allowed_tools } }),
      bounds: { toolSearchAbove: 1 },
    });
    expect(second.shown).toEqual([[...BUILT_IN, "mail", "weather"]]);
    const tool_calls = [{ id: "x", type: "function", function: { name: "mail", arguments: "{}" } }];
    const third = await shownBy({
      request: request({
        messages: [
          { role: "user", content: "Hello" },
          { role: "assistant", content: null, tool_calls },
          { role: "tool", tool_call_id: "x", content: "1" },
        ],
      }),
    });
    expect(third.shown).toEqual([[...BUILT_IN, "mail"]]);
  });

  it("refuses a query that is none, empty, too long, or wants too many", async () => {
    const scripts = [
      '{"query":""}',
      "{}",
      '{"query":"x","limit":21}',
      `{"query":"${"x".repeat(1_001)}"}`,
      "no",
    ];
    const { scene, shown } = await shownBy({
      model: [...scripts.map((text) => calls(call(0, "tool_search", text))), says("Done.")],
    });
    const contents = scene.toolContents(5) as { error: { code: string } }[];
    expect(contents.map(({ error }) => error.code)).toEqual([
      "arguments_invalid",
      "arguments_invalid",
      "arguments_invalid",
      "arguments_invalid",
      "arguments_not_json",
    ]);
    expect(shown.at(-1)).toEqual(BUILT_IN);
  });

  it("leaves a tenant's own tool of that name alone", async () => {
    const own = tool("tool_search", "Finds hammers");
    const { shown } = await shownBy({ offered: [...TOOLS, own] });
    expect(shown[0]).toHaveLength(5);
  });
});

describe("the words of a tool", () => {
  it("are split where names are joined, without case, marks and plurals", () => {
    expect(wordsOf("getWeather_v2 Städte, cities; users' address bus HTTPStatus")).toEqual([
      "get",
      "weather",
      "v2",
      "stadte",
      "city",
      "user",
      "address",
      "bus",
      "httpstatus",
    ]);
  });

  it("hold the name three times, the description and the arguments, up to a length", () => {
    expect(toolWords(TOOLS[1] ?? tool("", ""))).toEqual([
      "shop",
      "order",
      "shop",
      "order",
      "shop",
      "order",
      "order",
      "good",
      "sku",
      "which",
      "article",
    ]);
    expect(toolWords(tool("n", "word ".repeat(10_000))).length).toBeLessThan(2_000);
  });
});
