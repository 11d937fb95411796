/**
 * How far a running tool of an MCP server is: an extension event of Responses and an event of runs. Official clients pass
 * the extension over; chat completions never show it.
 */

import { createOpenAI } from "@ai-sdk/openai";
import { streamText } from "ai";
import { beforeAll, describe, expect, it } from "vitest";

import type { UnknownObject } from "../../dev/http/json.ts";
import { responseFaults } from "../../scripts/conformance/response-rules.ts";
import { farServer, tenantWithServer } from "./mcp-scene.ts";
import { clientOf, eventsOf, gateway, scripted, send, type TestTenant } from "./scene.ts";
import { setUpTenant } from "../../dev/provision.ts";
import { servers } from "./scene.ts";

const STEPS = 3;
const args = { steps: STEPS, ms: 30 };
const SCRIPT = scripted(
  { calls: [{ name: "far__steps", arguments: args }] },
  { text: "Saw {{results}}" },
);

let tenant: TestTenant;
beforeAll(async () => {
  tenant = await tenantWithServer(await farServer());
  await setUpTenant(tenant.call, { modelBaseUrl: `${servers.model}/v1` });
});

/** On a busy machine two steps may arrive together; then only the later one is told. */
function expectGrowing(told: readonly UnknownObject[]): void {
  const values = told.map(({ progress }) => Number(progress));
  expect(values.length).toBeGreaterThan(0);
  expect(values).toEqual([1, 2, 3].filter((step) => values.includes(step)));
}

describe("POST /v1/responses with stream", () => {
  it("tells each step of the call's server as gw:tool_progress, counted like any event", async () => {
    const answer = await send("POST", "/v1/responses", {
      key: tenant.apiKey,
      body: { model: "scripted-1", input: [SCRIPT], stream: true },
    });
    const events = eventsOf(answer.text);
    expect(responseFaults(events)).toEqual([]);
    const progress = events.filter(({ type }) => type === "gw:tool_progress");
    expectGrowing(progress);
    const added = events.find(
      ({ type, item }) =>
        type === "response.output_item.added" && JSON.stringify(item).includes("mcp_call"),
    );
    expect(progress[0]).toMatchObject({
      output_index: added?.["output_index"],
      item_id: expect.stringMatching(/^mcp_/) as string,
      total: STEPS,
      message: expect.stringMatching(/^step [123]$/) as string,
    });
    const types = events.map(({ type }) => type);
    expect(types.lastIndexOf("gw:tool_progress")).toBeLessThan(
      types.indexOf("response.mcp_call.completed"),
    );
  });

  it("is the same again when the stored stream is read from a number on", async () => {
    const created = await send("POST", "/v1/responses", {
      key: tenant.apiKey,
      body: { model: "scripted-1", input: [SCRIPT], background: true, stream: true },
    });
    const events = eventsOf(created.text);
    expect(events.filter(({ type }) => type === "gw:tool_progress").length).toBeGreaterThan(0);
    const [first] = events;
    const { id } = (first?.["response"] ?? {}) as { id?: string };
    const again = await send("GET", `/v1/responses/${String(id)}?stream=true&starting_after=4`, {
      key: tenant.apiKey,
    });
    expect(eventsOf(again.text)).toEqual(events.slice(5));
  });

  it("is passed over by the unmodified openai client", async () => {
    const stream = await clientOf(tenant).responses.create({
      model: "scripted-1",
      input: [SCRIPT],
      stream: true,
    });
    let text = "";
    for await (const event of stream)
      if (event.type === "response.output_text.delta") text += event.delta;
    expect(text).toContain("Saw");
  });

  it("is passed over by the unmodified AI SDK", async () => {
    const provider = createOpenAI({ baseURL: `${gateway.baseUrl}/v1`, apiKey: tenant.apiKey });
    const result = streamText({ model: provider.responses("scripted-1"), messages: [SCRIPT] });
    const types = new Set<string>();
    for await (const part of result.fullStream) types.add(part.type);
    expect(await result.text).toContain("Saw");
    expect(types).toContain("tool-result");
    expect(types).not.toContain("error");
  });
});

describe("other answers", () => {
  it("POST /v1/runs tells it as call.progress, at most a hundred of one call", async () => {
    const calls = [
      { id: "few", tool: "far__steps", arguments: args },
      { id: "many", tool: "far__steps", arguments: { steps: 150, ms: 1 } },
    ];
    const answer = await send("POST", "/v1/runs", {
      key: tenant.apiKey,
      body: { calls, stream: true },
    });
    const told = eventsOf(answer.text).filter(({ type }) => type === "call.progress");
    const few = told.filter(({ id }) => id === "few");
    expectGrowing(few);
    expect(few[0]).toEqual({
      type: "call.progress",
      id: "few",
      tool: "far__steps",
      progress: few[0]?.["progress"],
      total: STEPS,
      message: `step ${String(few[0]?.["progress"])}`,
    });
    expect(told.filter(({ id }) => id === "many").length).toBeLessThanOrEqual(100);
  });

  it("also of calls that run in shards", async () => {
    const calls = Array.from({ length: 8 }, (_, n) => ({
      id: `c${n}`,
      tool: "far__steps",
      arguments: { ...args, n },
    }));
    const answer = await send("POST", "/v1/runs", {
      key: tenant.apiKey,
      body: { calls, stream: true },
    });
    const told = eventsOf(answer.text).filter(({ type }) => type === "call.progress");
    expect(new Set(told.map(({ id }) => id)).size).toBe(calls.length);
  });

  it("never stands in a chat completion, events of tools asked for or not", async () => {
    const answer = await send("POST", "/v1/chat/completions", {
      key: tenant.apiKey,
      headers: { "x-gw-events": "tools" },
      body: { model: "scripted-1", messages: [SCRIPT], stream: true },
    });
    expect(answer.text).toContain("tool.result");
    expect(answer.text).not.toContain("progress");
  });
});
