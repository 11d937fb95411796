/** The unmodified AI SDK 7 with `@ai-sdk/openai` over Responses: gateway calls are dynamic tools the provider ran. */

import { createOpenAI } from "@ai-sdk/openai";
import {
  generateText,
  isStepCount,
  jsonSchema,
  streamText,
  tool,
  type ModelMessage,
  type ToolSet,
} from "ai";
import { describe, expect, it } from "vitest";

import {
  gateway,
  ledgerEntries,
  newTenant,
  scripted,
  testTools,
  toolRequests,
  unique,
} from "./scene.ts";

const call = (name: string, args: object = {}) => ({ name, arguments: args });

function providerOf(apiKey: string) {
  return createOpenAI({ baseURL: `${gateway.baseUrl}/v1`, apiKey });
}

function modelOf(apiKey: string) {
  return providerOf(apiKey).responses("scripted-1");
}

const GATEWAY_TURNS = scripted(
  { reasoning: "Hm.", text: "Looking.", calls: [call("get_weather", { city: "Paris" })] },
  { text: "It is {{results}}" },
);

function ownTool(seen: unknown[]) {
  return tool({
    description: "Own tool",
    inputSchema: jsonSchema<{ n: number }>({
      type: "object",
      properties: { n: { type: "integer" } },
      required: ["n"],
    }),
    execute: (input) => {
      seen.push(input);
      return { own: input.n };
    },
  });
}

describe("generateText", () => {
  it("sees the gateway's calls as tools the provider ran, with their results", async () => {
    const { apiKey, mark } = await newTenant();
    const result = await generateText({ model: modelOf(apiKey), messages: [GATEWAY_TURNS] });
    expect(result.text).toContain("temperature_c");
    expect(result.toolCalls).toMatchObject([
      { toolName: "mcp.get_weather", providerExecuted: true, dynamic: true },
    ]);
    expect(result.toolResults).toMatchObject([{ toolName: "mcp.get_weather" }]);
    expect(result.steps).toHaveLength(1);
    expect(result.finishReason).toBe("stop");
    expect(result.usage.outputTokens).toBeGreaterThan(0);
    expect((await toolRequests(mark)).started).toBe(1);
  });

  it.each([true, false])("runs its own tools in its loop (store: %s)", async (store) => {
    const { apiKey, mark } = await newTenant();
    const seen: unknown[] = [];
    const note = unique("note");
    const result = await generateText({
      model: modelOf(apiKey),
      messages: [
        scripted(
          { calls: [call("mine", { n: 1 }), call("record_note", { entry: note })] },
          { calls: [call("get_weather", { city: "Rome" }), call("mine", { n: 2 })] },
          { text: "All: {{results}}" },
        ),
      ],
      tools: { mine: ownTool(seen) },
      stopWhen: isStepCount(5),
      providerOptions: { openai: { store } },
    });
    expect(seen).toEqual([{ n: 1 }, { n: 2 }]);
    expect(result.steps).toHaveLength(3);
    expect(result.text).toContain('\\"own\\":2');
    expect(result.text).toContain("temperature_c");
    expect(await ledgerEntries(note)).toBe(1);
    expect((await toolRequests(mark)).started).toBe(2);
  });

  it("asks for approvals and goes on with the answer", async () => {
    const tenant = await newTenant();
    const { record_note: noteTool } = testTools(tenant.mark);
    await tenant.call("PUT", "/v1/tools/record_note", { ...noteTool, requires_approval: true });
    const note = unique("note");
    const provider = providerOf(tenant.apiKey);
    const tools: ToolSet = {
      gateway: provider.tools.mcp({
        serverLabel: "gateway",
        serverUrl: `${gateway.baseUrl}/mcp`,
        requireApproval: "never",
      }),
    };
    const model = provider.responses("scripted-1");
    const script = scripted(
      { calls: [call("record_note", { entry: note })] },
      { text: "All: {{results}}" },
    );
    const messages: ModelMessage[] = [script];
    const first = await generateText({ model, messages, tools });
    const request = first.content.find(({ type }) => type === "tool-approval-request");
    if (request?.type !== "tool-approval-request") throw new Error("there is no request");
    expect(await ledgerEntries(note)).toBe(0);
    messages.push(...first.response.messages, {
      role: "tool",
      content: [
        {
          type: "tool-approval-response",
          approvalId: request.approvalId,
          approved: true,
          providerExecuted: true,
        },
      ],
    });
    const second = await generateText({ model, messages, tools });
    expect(second.text).toContain(note);
    expect(await ledgerEntries(note)).toBe(1);
  });
});

describe("streamText", () => {
  it("streams text, reasoning, and the gateway's calls with their results", async () => {
    const { apiKey } = await newTenant();
    const result = streamText({ model: modelOf(apiKey), messages: [GATEWAY_TURNS] });
    const types: string[] = [];
    let text = "";
    for await (const part of result.fullStream) {
      types.push(part.type);
      if (part.type === "text-delta") text += part.text;
    }
    expect(text).toMatch(/^Looking\.It is \[.*temperature_c/);
    expect(types).toContain("tool-call");
    expect(types).toContain("tool-result");
    expect(types).toContain("reasoning-start");
    expect(types.filter((type) => type === "finish")).toHaveLength(1);
    expect(types).not.toContain("error");
    expect((await result.usage).outputTokens).toBeGreaterThan(0);
    expect(await result.finishReason).toBe("stop");
  });
});
