/** The unmodified OpenAI Agents SDK JS over Responses: gateway calls are hosted tool calls, approvals are interruptions. */

import {
  Agent,
  hostedMcpTool,
  OpenAIResponsesModel,
  run,
  setTracingDisabled,
  tool,
  type RunItem,
} from "@openai/agents";
import { describe, expect, it } from "vitest";

import {
  clientOf,
  gateway,
  ledgerEntries,
  newTenant,
  scripted,
  testTools,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

setTracingDisabled(true);

const call = (name: string, args: object = {}) => ({ name, arguments: args });

/** The gateway's toolset as the SDK names a hosted MCP server. */
const GATEWAY_TOOLS = hostedMcpTool({
  serverLabel: "gateway",
  serverUrl: `${gateway.baseUrl}/mcp`,
  requireApproval: { never: { toolNames: [] } },
});

function agentOf({ apiKey }: { apiKey: string }, seen: unknown[] = []): Agent {
  return new Agent({
    name: "tester",
    model: new OpenAIResponsesModel(clientOf({ apiKey }), "scripted-1"),
    tools: [
      GATEWAY_TOOLS,
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

/** Names of the hosted tool calls among the items. */
function hosted(items: readonly RunItem[]): readonly string[] {
  return items.flatMap(({ rawItem }) =>
    rawItem?.type === "hosted_tool_call" ? [rawItem.name] : [],
  );
}

const GATEWAY_TURNS = scripted(
  { text: "Looking.", calls: [call("get_weather", { city: "Paris" })] },
  { text: "It is {{results}}" },
).content;

async function askingTenant(): Promise<TestTenant> {
  const tenant = await newTenant();
  const { record_note: note } = testTools(tenant.mark);
  await tenant.call("PUT", "/v1/tools/record_note", { ...note, requires_approval: true });
  return tenant;
}

describe("run", () => {
  it("sees the gateway's calls as hosted tool calls, in one model turn of its own", async () => {
    const tenant = await newTenant();
    const result = await run(agentOf(tenant), GATEWAY_TURNS);
    expect(result.finalOutput).toContain("temperature_c");
    expect(result.rawResponses).toHaveLength(1);
    expect(hosted(result.newItems)).toContain("mcp_call");
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });

  it("runs its own tools in its loop, beside the gateway's in a mixed turn", async () => {
    const tenant = await newTenant();
    const seen: unknown[] = [];
    const note = unique("note");
    const result = await run(
      agentOf(tenant, seen),
      scripted(
        { calls: [call("mine", { n: 1 }), call("record_note", { entry: note })] },
        { text: "All: {{results}}" },
      ).content,
    );
    expect(seen).toEqual([{ n: 1 }]);
    expect(result.finalOutput).toContain("own");
    expect(await ledgerEntries(note)).toBe(1);
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });

  it("goes on from the response before it", async () => {
    const tenant = await newTenant();
    const agent = agentOf(tenant);
    const first = await run(agent, scripted({ text: "One." }, { text: "Two." }).content);
    expect(first.lastResponseId).toMatch(/^resp_/);
    const previousResponseId = first.lastResponseId ?? "";
    const second = await run(agent, "And?", { previousResponseId });
    expect(second.finalOutput).toBe("Two.");
  });
});

describe("run, streamed", () => {
  it("streams the text of every turn and the same items", async () => {
    const tenant = await newTenant();
    const result = await run(agentOf(tenant), GATEWAY_TURNS, { stream: true });
    let text = "";
    for await (const piece of result.toTextStream()) text += piece;
    await result.completed;
    expect(text).toMatch(/^Looking\.It is \[.*temperature_c/);
    expect(hosted(result.newItems)).toContain("mcp_call");
  });
});

describe("an interruption", () => {
  it.each([
    ["approved", 1],
    ["rejected", 0],
  ])("%s by the user leaves %i notes", async (word, notes) => {
    const tenant = await askingTenant();
    const agent = agentOf(tenant);
    const note = unique("note");
    const script = scripted(
      { calls: [call("record_note", { entry: note }), call("get_weather", { city: "Oslo" })] },
      { text: "All: {{results}}" },
    );
    const first = await run(agent, script.content);
    expect(first.interruptions).toHaveLength(1);
    expect(await ledgerEntries(note)).toBe(0);
    const [interruption] = first.interruptions;
    if (interruption === undefined) throw new Error("there is no interruption");
    if (word === "approved") first.state.approve(interruption);
    else first.state.reject(interruption);
    const second = await run(agent, first.state);
    expect(second.interruptions).toEqual([]);
    expect(second.finalOutput).toContain("temperature_c");
    expect(await ledgerEntries(note)).toBe(notes);
    expect((await toolRequests(tenant.mark)).started).toBe(1 + notes);
  });
});
