/** `POST /v1/responses` through the unmodified `openai` client: streaming and not, kept, gone on from, and refused. */

import OpenAI from "openai";
import { describe, expect, it } from "vitest";

import {
  clientOf,
  ledgerEntries,
  newTenant,
  plain,
  scripted,
  send,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const MODEL = "scripted-1";
const call = (name: string, args: object = {}) => ({ name, arguments: args });
const LOOK_THEN_SAY = scripted(
  { text: "Looking.", calls: [call("get_weather", { city: "Paris" }), call("broken")] },
  { text: "It is {{results}}" },
);
const MINE: OpenAI.Responses.Tool = {
  type: "function",
  name: "mine",
  parameters: { type: "object", properties: {} },
  strict: false,
};

/** The items of a response as `type:detail`. */
function shapeOf(response: OpenAI.Responses.Response): readonly string[] {
  return response.output.map((item) => {
    if (item.type === "mcp_call") return `mcp_call:${item.name}:${item.error === null}`;
    return item.type;
  });
}

async function create(tenant: TestTenant, body: object): Promise<OpenAI.Responses.Response> {
  return clientOf(tenant).responses.create({ model: MODEL, input: [LOOK_THEN_SAY], ...body });
}

describe("responses.create", () => {
  it("shows gateway calls as mcp_call items, and the text", async () => {
    const tenant = await newTenant();
    const response = await create(tenant, {});
    expect(response.status).toBe("completed");
    expect(shapeOf(response)).toEqual([
      "mcp_list_tools",
      "message",
      "mcp_call:get_weather:true",
      "mcp_call:broken:false",
      "message",
    ]);
    expect(response.output[0]).toMatchObject({ server_label: "gateway" });
    expect(response.output[2]).toMatchObject({
      arguments: '{"city":"Paris"}',
      status: "completed",
      server_label: "gateway",
    });
    expect(plain(response.output[2])["output"]).toContain("temperature_c");
    expect(response.output[3]).toMatchObject({ status: "failed", output: null });
    expect(response.output_text).toContain("temperature_c");
    expect(response.usage?.output_tokens).toBeGreaterThan(0);
    expect(plain(response)["x_gw"]).toMatchObject({ turns: 2, calls: 2 });
  });

  it("goes on from a previous response, which keeps every turn", async () => {
    const tenant = await newTenant();
    const note = unique("note");
    const script = scripted(
      { calls: [call("record_note", { entry: note })] },
      { text: "Noted." },
      { text: "Again: {{results}}" },
    );
    const first = await create(tenant, { input: [script], instructions: "Be brief." });
    const second = await create(tenant, {
      previous_response_id: first.id,
      input: "And now?",
    });
    expect(second.previous_response_id).toBe(first.id);
    expect(second.output_text).toContain("Again: ");
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("hands the client's own calls out and goes on with their results", async () => {
    const tenant = await newTenant();
    const script = scripted(
      { calls: [call("mine"), call("get_weather", { city: "Rome" })] },
      { text: "All: {{results}}" },
    );
    const first = await create(tenant, { input: [script], tools: [MINE] });
    const own = first.output.find((item) => item.type === "function_call");
    expect(own?.name).toBe("mine");
    expect((await toolRequests(tenant.mark)).started).toBe(1);
    const results = [{ type: "function_call_output", call_id: own?.call_id, output: "own result" }];
    const byId = await create(tenant, {
      previous_response_id: first.id,
      input: results,
      tools: [MINE],
    });
    expect(byId.output_text).toContain("own result");
    expect(byId.output_text).toContain("temperature_c");
    const byHistory = await create(tenant, {
      input: [script, ...first.output, ...results],
      tools: [MINE],
    });
    expect(byHistory.output_text).toBe(byId.output_text);
    expect((await toolRequests(tenant.mark)).started).toBe(1);
  });

  it("reads and forgets what it kept, and keeps nothing for store: false", async () => {
    const tenant = await newTenant();
    const client = clientOf(tenant);
    const kept = await create(tenant, { metadata: { a: "b" } });
    expect(await client.responses.retrieve(kept.id)).toMatchObject({
      id: kept.id,
      status: "completed",
      output: kept.output,
      metadata: { a: "b" },
    });
    await client.responses.delete(kept.id);
    await expect(client.responses.retrieve(kept.id)).rejects.toThrow(OpenAI.NotFoundError);
    const unkept = await create(tenant, { store: false });
    expect(plain(unkept)["store"]).toBe(false);
    await expect(client.responses.retrieve(unkept.id)).rejects.toThrow(OpenAI.NotFoundError);
  });

  it("finds nothing of another tenant", async () => {
    const [mine, other] = [await newTenant(), await newTenant()];
    const kept = await create(mine, {});
    await expect(clientOf(other).responses.retrieve(kept.id)).rejects.toThrow(OpenAI.NotFoundError);
    const refused = create(other, { previous_response_id: kept.id });
    await expect(refused).rejects.toMatchObject({
      status: 400,
      code: "previous_response_not_found",
      param: "previous_response_id",
    });
  });

  it("refers to items of earlier responses", async () => {
    const tenant = await newTenant();
    const first = await create(tenant, {});
    const references = first.output.map(({ id }) => ({ type: "item_reference", id }));
    const second = await create(tenant, {
      input: [
        scripted({ text: "No." }, { text: "No." }, { text: "Seen {{results}}" }),
        ...references,
      ],
    });
    expect(second.output_text).toContain("temperature_c");
  });

  it("honours tool_choice, allowed tools and max_tool_calls", async () => {
    const tenant = await newTenant();
    const narrowed = await create(tenant, {
      tool_choice: {
        type: "allowed_tools",
        mode: "auto",
        tools: [{ type: "mcp", server_label: "gateway", name: "broken" }],
      },
    });
    expect(plain(narrowed.output[0])["tools"]).toMatchObject([{ name: "broken" }]);
    expect(shapeOf(narrowed)).toContain("mcp_call:get_weather:false");
    expect((await toolRequests(tenant.mark)).started).toBe(1);
    const limited = await create(tenant, { max_tool_calls: 1 });
    expect(limited).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_tool_calls" },
    });
    expect((await toolRequests(tenant.mark)).started).toBe(2);
  });

  it.each([
    ["tools[0].type", { tools: [{ type: "web_search" }] }],
    [
      "tools[0].server_label",
      { tools: [{ type: "mcp", server_label: "x", server_url: "https://x.test" }] },
    ],
    ["input[0].type", { input: [{ type: "computer_call", id: "c" }] }],
    ["truncation", { truncation: "auto" }],
    ["background", { background: true, store: false }],
    ["conversation", { conversation: "conv_1" }],
  ])("400 naming %s", async (param, body) => {
    const tenant = await newTenant();
    await expect(create(tenant, body)).rejects.toMatchObject({ status: 400, param });
  });

  it("gives the same response for the same idempotency key", async () => {
    const tenant = await newTenant();
    const headers = { "idempotency-key": unique("key") };
    const body = { model: MODEL, input: [LOOK_THEN_SAY] };
    const [first, second] = [
      await send("POST", "/v1/responses", { key: tenant.apiKey, body, headers }),
      await send("POST", "/v1/responses", { key: tenant.apiKey, body, headers }),
    ];
    expect(first.status).toBe(200);
    expect(second.text).toBe(first.text);
    const other = { ...body, input: "Something else" };
    const refused = await send("POST", "/v1/responses", {
      key: tenant.apiKey,
      body: other,
      headers,
    });
    expect(refused.status).toBe(409);
    expect((await toolRequests(tenant.mark)).started).toBe(2);
  });
});

describe("responses.stream", () => {
  it("streams items to a final response that equals the kept one", async () => {
    const tenant = await newTenant();
    const client = clientOf(tenant);
    const stream = client.responses.stream({ model: MODEL, input: [LOOK_THEN_SAY] });
    const types: string[] = [];
    let text = "";
    let completed: unknown = null;
    for await (const event of stream) {
      types.push(event.type);
      if (event.type === "response.completed") completed = { ...event.response, output_text: text };
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    const final = await stream.finalResponse();
    expect(types[0]).toBe("response.created");
    expect(types.at(-1)).toBe("response.completed");
    expect(text).toContain("temperature_c");
    expect(final.output).toHaveLength(5);
    expect(await client.responses.retrieve(final.id)).toEqual(completed);
  });

  it("says a model's failure as an error before the stream, and as an event within it", async () => {
    const tenant = await newTenant();
    const early = create(tenant, { input: [scripted({ status: 500 })], stream: true });
    await expect(early).rejects.toMatchObject({ status: 502 });
    const late = await create(tenant, {
      input: [scripted({ calls: [call("broken")] }, { status: 500 })],
    });
    expect(late).toMatchObject({ status: "failed", error: { code: "scripted_fault" } });
    expect(shapeOf(late)).toEqual(["mcp_list_tools", "mcp_call:broken:false"]);
  });
});
