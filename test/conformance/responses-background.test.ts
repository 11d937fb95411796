/** Responses in the background: they go on alone, can be followed from any event, cancelled and forgotten. */

import type OpenAI from "openai";
import { describe, expect, it } from "vitest";

import { responseFaults } from "../../scripts/conformance/response-rules.ts";
import {
  clientOf,
  eventsOf,
  ledgerEntries,
  newTenant,
  scripted,
  send,
  testTools,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const MODEL = "scripted-1";
const call = (name: string, args: object = {}) => ({ name, arguments: args });
const SLOWLY = scripted(
  { text: "Waiting.", calls: [call("wait", { ms: 300 }), call("get_weather", { city: "Bonn" })] },
  { text: "It is {{results}}" },
);

function begin(tenant: TestTenant, body: object = {}): Promise<OpenAI.Responses.Response> {
  return clientOf(tenant).responses.create({
    model: MODEL,
    input: [SLOWLY],
    background: true,
    ...body,
  });
}

/** The response once it has ended. */
async function ended(tenant: TestTenant, id: string): Promise<OpenAI.Responses.Response> {
  const client = clientOf(tenant);
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (response.status !== "queued" && response.status !== "in_progress") return response;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function follow(tenant: TestTenant, id: string, after?: number) {
  const query = after === undefined ? "" : `&starting_after=${after}`;
  return send("GET", `/v1/responses/${id}?stream=true${query}`, { key: tenant.apiKey });
}

describe("a response in the background", () => {
  it("answers at once and goes on by itself", async () => {
    const tenant = await newTenant();
    const begun = await begin(tenant);
    expect(begun).toMatchObject({ status: "queued", background: true, output: [] });
    expect((await clientOf(tenant).responses.retrieve(begun.id)).status).toBe("in_progress");
    const response = await ended(tenant, begun.id);
    expect(response.status).toBe("completed");
    expect(response.output_text).toContain("temperature_c");
    expect((await toolRequests(tenant.mark)).started).toBe(2);
    const next = await clientOf(tenant).responses.create({
      model: MODEL,
      previous_response_id: begun.id,
      input: "And?",
    });
    expect(next.output_text).toBe("done");
  });

  it("is followed from every event on, with no gap and nothing twice", async () => {
    const tenant = await newTenant();
    const { id } = await begin(tenant);
    const live = eventsOf((await follow(tenant, id)).text);
    expect(responseFaults(live)).toEqual([]);
    expect(live.slice(0, 2).map(({ type }) => type)).toEqual([
      "response.created",
      "response.queued",
    ]);
    for (const [position] of live.entries()) {
      const rest = eventsOf((await follow(tenant, id, position)).text);
      expect(rest).toEqual(live.slice(position + 1));
    }
    expect(eventsOf((await follow(tenant, id)).text)).toEqual(live);
  });

  it("streams through the client, which may come back for the rest", async () => {
    const tenant = await newTenant();
    const stream = await clientOf(tenant).responses.create({
      model: MODEL,
      input: [SLOWLY],
      background: true,
      stream: true,
    });
    let id = "";
    let last = -1;
    for await (const event of stream) {
      if (event.type === "response.created") ({ id } = event.response);
      last = event.sequence_number;
      if (event.type === "response.mcp_call.in_progress") break;
    }
    const rest = await clientOf(tenant).responses.retrieve(id, {
      stream: true,
      starting_after: last,
    });
    const types: string[] = [];
    for await (const event of rest) {
      expect(event.sequence_number).toBe(last + 1);
      last = event.sequence_number;
      types.push(event.type);
    }
    expect(types.at(-1)).toBe("response.completed");
    expect((await toolRequests(tenant.mark)).started).toBe(2);
  });

  it("is cancelled, and says so ever after", async () => {
    const tenant = await newTenant();
    const long = scripted({ calls: [call("wait", { ms: 20_000 })] }, { text: "Never." });
    const { id } = await begin(tenant, { input: [long] });
    const cancelled = await clientOf(tenant).responses.cancel(id);
    expect(cancelled.status).toBe("cancelled");
    expect((await clientOf(tenant).responses.retrieve(id)).status).toBe("cancelled");
    expect((await clientOf(tenant).responses.cancel(id)).status).toBe("cancelled");
  });

  it("asks for approvals and goes on in the background with the answer", async () => {
    const tenant = await newTenant();
    const { record_note: tool } = testTools(tenant.mark);
    await tenant.call("PUT", "/v1/tools/record_note", { ...tool, requires_approval: true });
    const note = unique("note");
    const script = scripted(
      { calls: [call("record_note", { entry: note })] },
      { text: "All: {{results}}" },
    );
    const first = await ended(tenant, (await begin(tenant, { input: [script] })).id);
    const request = first.output.at(-1);
    expect(request?.type).toBe("mcp_approval_request");
    const begun = await begin(tenant, {
      previous_response_id: first.id,
      input: [{ type: "mcp_approval_response", approval_request_id: request?.id, approve: true }],
    });
    expect((await ended(tenant, begun.id)).output_text).toContain(note);
    expect(await ledgerEntries(note)).toBe(1);
  });

  it("is forgotten with everything it said", async () => {
    const tenant = await newTenant();
    const { id } = await begin(tenant);
    await ended(tenant, id);
    await clientOf(tenant).responses.delete(id);
    for (const path of [`/v1/responses/${id}`, `/v1/responses/${id}?stream=true`]) {
      expect((await send("GET", path, { key: tenant.apiKey })).status).toBe(404);
    }
  });

  it("refuses what it could not make, with a status", async () => {
    const tenant = await newTenant();
    await expect(begin(tenant, { tools: [{ type: "web_search" }] })).rejects.toMatchObject({
      status: 400,
      param: "tools[0].type",
    });
  });
});

describe("GET /v1/responses/{id}?stream=true", () => {
  it("400 for a response that was not made in the background", async () => {
    const tenant = await newTenant();
    const { id } = await begin(tenant, { background: false });
    expect((await follow(tenant, id)).status).toBe(400);
  });

  it("404 for another tenant's, and for what was never made", async () => {
    const [tenant, other] = [await newTenant(), await newTenant()];
    const { id } = await begin(tenant);
    for (const [who, what] of [
      [other, id],
      [tenant, `resp_${"0".repeat(22)}`],
      [tenant, "resp_x"],
    ] as const) {
      expect((await follow(who, what)).status).toBe(404);
      expect((await send("POST", `/v1/responses/${what}/cancel`, { key: who.apiKey })).status).toBe(
        404,
      );
    }
  });
});
