/** The unmodified LangChain and LangGraph JS: only base URL and key are changed. */

import { tool } from "@langchain/core/tools";
import { createReactAgent } from "@langchain/langgraph/prebuilt";
import { ChatOpenAI } from "@langchain/openai";
import { describe, expect, it } from "vitest";

import { gateway, ledgerEntries, newTenant, scripted, toolRequests, unique } from "./scene.ts";

function modelOf(apiKey: string): ChatOpenAI {
  return new ChatOpenAI({
    model: "scripted-1",
    apiKey,
    maxRetries: 0,
    configuration: { baseURL: `${gateway.baseUrl}/v1` },
  });
}

const GATEWAY_TURNS = scripted(
  { text: "Looking. ", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  { text: "It is {{results}}" },
);

describe("ChatOpenAI", () => {
  it("gets one message after the gateway's tools ran, which it never sees", async () => {
    const { apiKey, mark } = await newTenant();
    const message = await modelOf(apiKey).invoke([GATEWAY_TURNS]);
    expect(message.text).toContain("temperature_c");
    expect(message.tool_calls).toEqual([]);
    expect(message.usage_metadata).toMatchObject({ output_tokens: expect.any(Number) });
    expect((await toolRequests(mark)).started).toBe(1);
  });

  it("streams the text of all turns", async () => {
    const { apiKey } = await newTenant();
    let text = "";
    for await (const chunk of await modelOf(apiKey).stream([GATEWAY_TURNS])) text += chunk.text;
    expect(text).toMatch(/^Looking\. \n\nIt is \[.*temperature_c/);
  });
});

describe("createReactAgent", () => {
  it("runs its own tools in its loop, beside the gateway's in a mixed turn", async () => {
    const { apiKey, mark } = await newTenant();
    const seen: unknown[] = [];
    const note = unique("note");
    const mine = tool(
      (input: unknown) => {
        seen.push(input);
        return JSON.stringify({ own: input });
      },
      {
        name: "mine",
        description: "Own tool",
        schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
      },
    );
    const agent = createReactAgent({ llm: modelOf(apiKey), tools: [mine] });
    const calls = [
      { name: "mine", arguments: { n: 1 } },
      { name: "record_note", arguments: { entry: note } },
    ];
    const { messages } = await agent.invoke({
      messages: [scripted({ calls }, { text: "All: {{results}}" })],
    });
    expect(seen).toEqual([{ n: 1 }]);
    expect(messages.at(-1)?.text).toContain("own");
    expect(await ledgerEntries(note)).toBe(1);
    expect((await toolRequests(mark)).started).toBe(1);
  });
});
