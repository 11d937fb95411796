/** The unmodified OpenAI Agents SDK JS over chat completions: only base URL and key are changed. */

import { Agent, OpenAIChatCompletionsModel, run, setTracingDisabled, tool } from "@openai/agents";
import { describe, expect, it } from "vitest";

import { clientOf, ledgerEntries, newTenant, scripted, toolRequests, unique } from "./scene.ts";

setTracingDisabled(true);

/** An agent on the tenant's gateway, with a tool of its own that notes what it was called with. */
function agentOf(apiKey: string, seen: unknown[]): Agent {
  return new Agent({
    name: "tester",
    model: new OpenAIChatCompletionsModel(clientOf({ apiKey }), "scripted-1"),
    tools: [
      tool({
        name: "mine",
        description: "Own tool",
        parameters: {
          type: "object",
          properties: { n: { type: "integer" } },
          required: ["n"],
          additionalProperties: true,
        },
        strict: false,
        execute: (input) => {
          seen.push(input);
          return JSON.stringify({ own: input });
        },
      }),
    ],
  });
}

const GATEWAY_TURNS = scripted(
  { text: "Looking. ", calls: [{ name: "get_weather", arguments: { city: "Paris" } }] },
  { text: "It is {{results}}" },
).content;

describe("run", () => {
  it("gets the answer after the gateway's tools ran, in one model turn of its own", async () => {
    const { apiKey, mark } = await newTenant();
    const result = await run(agentOf(apiKey, []), GATEWAY_TURNS);
    expect(result.finalOutput).toContain("temperature_c");
    expect(result.rawResponses).toHaveLength(1);
    expect(result.newItems.map(({ type }) => type)).toEqual(["message_output_item"]);
    expect((await toolRequests(mark)).started).toBe(1);
  });

  it("runs its own tools in its loop, beside the gateway's in a mixed turn", async () => {
    const { apiKey, mark } = await newTenant();
    const seen: unknown[] = [];
    const note = unique("note");
    const result = await run(
      agentOf(apiKey, seen),
      scripted(
        {
          calls: [
            { name: "mine", arguments: { n: 1 } },
            { name: "record_note", arguments: { entry: note } },
          ],
        },
        { text: "All: {{results}}" },
      ).content,
    );
    expect(seen).toEqual([{ n: 1 }]);
    expect(result.finalOutput).toContain("own");
    expect(await ledgerEntries(note)).toBe(1);
    expect((await toolRequests(mark)).started).toBe(1);
  });
});

describe("run, streamed", () => {
  it("streams the text of all turns and ends once", async () => {
    const { apiKey } = await newTenant();
    const result = await run(agentOf(apiKey, []), GATEWAY_TURNS, { stream: true });
    let text = "";
    for await (const piece of result.toTextStream()) text += piece;
    await result.completed;
    expect(text).toMatch(/^Looking\. \n\nIt is \[.*temperature_c/);
    expect(result.newItems.map(({ type }) => type)).toEqual(["message_output_item"]);
  });
});
