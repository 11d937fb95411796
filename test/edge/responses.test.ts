import { beforeAll, describe, expect, inject, it } from "vitest";

import { call, dataLines } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault = "", model = "" } = inject("servers");

let key = "";

const EXPRESSION = { type: "object", properties: { expression: { type: "string" } } };
const MINE = { type: "function", name: "mine", parameters: { type: "object" } };
const ADD = { name: "add", arguments: { expression: "2+3" } };
const ASK = { name: "ask_first", arguments: { expression: "4*5" } };

beforeAll(async () => {
  const tenant = await newTestTenant();
  ({ key } = tenant);
  const add = { description: "Adds", input: EXPRESSION, builtin: "calculator", effect: "pure" };
  const slow = {
    description: "Takes its time",
    input: { type: "object", properties: { ms: { type: "integer" } } },
    http: { method: "GET", url: `${fault}/delay/{ms}` },
    effect: "read",
  };
  const targets = [{ id: "t", base_url: `${model}/v1` }];
  const resources: [string, object][] = [
    ["/v1/tools/add", add],
    ["/v1/tools/delay", slow],
    ["/v1/tools/ask_first", { ...add, requires_approval: "always" }],
    ["/v1/upstreams/main", { kind: "openai", models: { scripted: { as: "scripted-1" } }, targets }],
  ];
  for (const [path, body] of resources) {
    const put = await call(`PUT ${path}`, { key, body });
    if (put.status !== 201) throw new Error(await put.text());
  }
});

interface Item {
  readonly type: string;
  readonly id?: string;
  readonly call_id?: string;
  readonly status?: string;
  readonly output?: string | null;
  readonly error?: unknown;
}

interface ResponseBody {
  readonly id: string;
  readonly status: string;
  readonly output: readonly Item[];
  readonly usage: { readonly output_tokens: number } | null;
}

function plays(...turns: readonly object[]): object {
  return { role: "user", content: `#script ${JSON.stringify({ turns })}` };
}

function post(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return call("POST /v1/responses", { key, body: { model: "scripted", ...body }, headers });
}

async function create(body: object): Promise<ResponseBody> {
  const response = await post(body);
  expect(response.status).toBe(200);
  return response.json<ResponseBody>();
}

function typesOf({ output }: ResponseBody): readonly string[] {
  return output.map(({ type }) => type);
}

describe("POST /v1/responses", () => {
  it("200 with the gateway's calls and the message as items, kept until it is deleted", async () => {
    const made = await create({ input: [plays({ calls: [ADD] }, { text: "It is {{results}}" })] });
    expect(typesOf(made)).toEqual(["mcp_list_tools", "mcp_call", "message"]);
    expect(made.output[1]).toMatchObject({
      status: "completed",
      output: '{"result":5}',
      error: null,
    });
    expect(made.usage?.output_tokens).toBeGreaterThan(0);
    const read = await call(`GET /v1/responses/${made.id}`, { key });
    expect(await read.json()).toMatchObject({ id: made.id, status: "completed" });
    expect((await call(`DELETE /v1/responses/${made.id}`, { key })).status).toBe(200);
    expect((await call(`GET /v1/responses/${made.id}`, { key })).status).toBe(404);
    expect((await call(`DELETE /v1/responses/${made.id}`, { key })).status).toBe(404);
  });

  it("200 as a stream that numbers its events and ends with the whole response", async () => {
    const input = [plays({ text: "So. ", calls: [ADD] }, { text: "Five." })];
    const response = await post({ input, stream: true });
    expect(response.headers.get("content-type")).toContain("text/event-stream");
    const events = dataLines(await response.text()).filter((line) => line !== "[DONE]");
    for (const [sequence_number, event] of events.entries())
      expect(event).toMatchObject({ sequence_number });
    expect(events.at(0)).toMatchObject({ type: "response.created" });
    expect(events.at(-1)).toMatchObject({ type: "response.completed" });
  });

  it("200 with the client's own call, which goes on with its output", async () => {
    const input = [
      plays({ calls: [{ name: "mine", arguments: { a: 1 } }, ADD] }, { text: "Got {{results}}" }),
    ];
    const first = await create({ input, tools: [MINE] });
    const mine = first.output.find(({ type }) => type === "function_call");
    expect(mine).toBeDefined();
    const output = { type: "function_call_output", call_id: mine?.call_id, output: "mine-done" };
    const second = await create({ input: [output], tools: [MINE], previous_response_id: first.id });
    expect(JSON.stringify(second.output)).toContain("mine-done");
  });

  it.each([
    [true, "20"],
    [false, "denied"],
  ])(
    "200 waits for a word on a call that asks first, and goes on with %s",
    async (approve, seen) => {
      const input = [plays({ calls: [ASK, ADD] }, { text: "Said {{results}}" })];
      const first = await create({ input });
      const asked = first.output.find(({ type }) => type === "mcp_approval_request");
      expect(asked).toBeDefined();
      const word = { type: "mcp_approval_response", approval_request_id: asked?.id, approve };
      const reason = approve ? {} : { reason: "denied" };
      const next = { input: [{ ...word, ...reason }], previous_response_id: first.id };
      expect(JSON.stringify((await create(next)).output)).toContain(seen);
      const again = await post(next);
      expect([again.status, await again.text()].join(" ")).not.toContain('"status":"in_progress"');
    },
  );

  it("200 in the background: it ends alone and can be followed from any event", async () => {
    const input = [plays({ calls: [{ name: "delay", arguments: { ms: 50 } }] }, { text: "Done." })];
    const begun = await create({ input, background: true });
    expect(["queued", "in_progress"]).toContain(begun.status);
    const follow = await call(`GET /v1/responses/${begun.id}?stream=true`, { key });
    const events = dataLines(await follow.text()).filter((line) => line !== "[DONE]");
    expect(events.at(-1)).toMatchObject({ type: "response.completed" });
    const rest = await call(`GET /v1/responses/${begun.id}?stream=true&starting_after=2`, { key });
    const later = dataLines(await rest.text()).filter((line) => line !== "[DONE]");
    expect(later).toEqual(events.slice(3));
    const bad = await call(`GET /v1/responses/${begun.id}?stream=true&starting_after=x`, { key });
    expect(bad.status).toBe(400);
  });

  it("200 cancelled in the background, and nothing goes on", async () => {
    const input = [plays({ calls: [{ name: "delay", arguments: { ms: 20_000 } }] })];
    const begun = await create({ input, background: true });
    const cancelled = await call(`POST /v1/responses/${begun.id}/cancel`, { key });
    expect(cancelled.status).toBe(200);
    await expect
      .poll(async () => {
        const read = await call(`GET /v1/responses/${begun.id}`, { key });
        return (await read.json<ResponseBody>()).status;
      })
      .toBe("cancelled");
  });

  it("200 the same response again for the same Idempotency-Key, 409 for another body", async () => {
    const headers = { "idempotency-key": "responses-1" };
    const body = { input: [plays({ text: "Once." })] };
    const first = await (await post(body, headers)).json<ResponseBody>();
    const second = await (await post(body, headers)).json<ResponseBody>();
    expect(second.id).toBe(first.id);
    expect((await post({ input: "Other" }, headers)).status).toBe(409);
  });

  it.each([
    ["an unknown model", { model: "nobody", input: "Hi" }, 404],
    ["an unknown previous response", { input: "Hi", previous_response_id: "resp_unknown" }, 400],
    ["an item nobody knows", { input: [{ type: "riddle" }] }, 400],
    ["a tool only the provider has", { input: "Hi", tools: [{ type: "web_search" }] }, 400],
    ["a toolset nobody has", { input: "Hi", tools: [{ type: "mcp", server_label: "none" }] }, 400],
    ["nothing to say", {}, 400],
    ["a name that is both's", { input: "Hi", tools: [{ ...MINE, name: "add" }] }, 400],
  ])("refuses %s", async (_what, body, status) => {
    const response = await post(body);
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty("error");
  });

  it("200 with all it may be told: instructions, limits, formats and earlier items", async () => {
    const made = await create({
      instructions: "Be brief.",
      input: [
        { type: "message", role: "user", content: [{ type: "input_text", text: "Before" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "Yes" }] },
        { type: "reasoning", summary: [], id: "rs_1" },
        { type: "function_call", call_id: "c1", name: "mine", arguments: "{}" },
        { type: "function_call_output", call_id: "c1", output: "old" },
        plays({ text: "Short." }),
      ],
      tools: [MINE, { type: "mcp", server_label: "gateway", allowed_tools: ["add"] }],
      tool_choice: "auto",
      parallel_tool_calls: false,
      max_tool_calls: 3,
      max_output_tokens: 50,
      temperature: 0.5,
      text: { format: { type: "json_schema", name: "x", schema: { type: "object" } } },
      metadata: { a: "b" },
      store: false,
    });
    expect(typesOf(made)).toContain("message");
    expect((await call(`GET /v1/responses/${made.id}`, { key })).status).toBe(404);
  });
});
