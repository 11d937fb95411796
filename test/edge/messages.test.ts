/** `/v1/messages`, kept results and OpenAPI imports over HTTP, with the scripted model at the far end. */

import { beforeAll, describe, expect, inject, it } from "vitest";

import { call, dataLines } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault = "", model = "", tools = "" } = inject("servers");
const KINDS = ["openai", "anthropic", "openai_responses"];

/** A tenant with a model of every kind of provider, named after the kind, and three tools. */
async function newKey(): Promise<string> {
  const { key } = await newTestTenant();
  const records = { method: "GET", url: `${tools}/records/1000000` };
  const input = { type: "object", properties: { expression: { type: "string" } } };
  const broken = { method: "GET", url: `${fault}/status/500` };
  const resources: [string, object][] = [
    ["tools/add", { description: "a", input, builtin: "calculator", effect: "pure" }],
    ["tools/broken", { description: "b", input, http: broken, effect: "read" }],
    ["tools/records", { description: "r", input, http: records, effect: "read" }],
    ["upstreams/faulty", upstream("openai", fault, "cut-mid-stream", "cut-mid-stream")],
    ["upstreams/a", upstream("openai", model, "openai")],
    ["upstreams/b", upstream("anthropic", model, "anthropic")],
    ["upstreams/c", upstream("openai_responses", model, "openai_responses")],
  ];
  for (const [path, body] of resources) {
    const put = await call(`PUT /v1/${path}`, { key, body });
    if (put.status !== 201) throw new Error(await put.text());
  }
  return key;
}

function upstream(kind: string, url: string, name: string, as = "scripted-1"): object {
  return { kind, models: { [name]: { as } }, targets: [{ id: "t", base_url: `${url}/v1` }] };
}

interface Message {
  readonly content: readonly { readonly type: string; readonly id?: string }[];
  readonly stop_reason: string;
}

/** The user's message that makes the model play `turns`. */
function scripted(turns: readonly object[]): { role: string; content: string } {
  return { role: "user", content: `#script ${JSON.stringify({ turns })}` };
}

function ask(turns: readonly object[], more: object = {}): object {
  return { model: "openai", max_tokens: 500, messages: [scripted(turns)], ...more };
}

let key = "";

async function send(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return call("POST /v1/messages", { body, headers: { "x-api-key": key, ...headers } });
}

/** The message a request is answered with. */
async function said(body: unknown, headers: Record<string, string> = {}): Promise<Message> {
  const response = await send(body, headers);
  const text = await response.text();
  expect([response.status, response.status === 200 ? "" : text]).toEqual([200, ""]);
  const message: Message = JSON.parse(text);
  return message;
}

function typesIn({ content }: Message): readonly string[] {
  return content.map(({ type }) => type);
}

const SUM = { name: "add", arguments: { expression: "2+3" } };
const SOURCE = { type: "base64", media_type: "image/png", data: "AAAA" };
const IMAGE = { type: "image", source: SOURCE };
const MINE = { name: "mine", description: "Own", input_schema: { type: "object" } };

beforeAll(async () => {
  key = await newKey();
});

describe.each(KINDS)("POST /v1/messages over a provider of kind %s", (kind) => {
  it("200 with the gateway's calls and their results as blocks of their own", async () => {
    const calls = [SUM, { name: "broken", arguments: {} }];
    const turns = [{ text: "Looking. ", calls }, { text: "Done." }];
    const response = await send(ask(turns, { model: kind }));
    expect(response.status).toBe(200);
    expect(response.headers.get("request-id")).toMatch(/^req_/);
    const message = await response.json<Message>();
    expect(message).toMatchObject({
      id: `msg_${response.headers.get("x-gw-run")}`,
      stop_reason: "end_turn",
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
    });
    const both = ["mcp_tool_use", "mcp_tool_use", "mcp_tool_result", "mcp_tool_result"];
    expect(typesIn(message)).toEqual(["text", ...both, "text"]);
    expect(JSON.stringify(message).match(/"is_error":true/g)).toHaveLength(1);
  });

  it("200 as a stream of one message that begins and stops once", async () => {
    const turns = [{ reasoning: "hm", text: "Let me. ", calls: [SUM] }, { text: "Done." }];
    const more = { model: kind, stream: true, thinking: { type: "adaptive" } };
    const response = await send(ask(turns, more));
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const wire = await response.text();
    const events = dataLines(wire);
    expect(events[0]).toMatchObject({ type: "message_start", message: { role: "assistant" } });
    expect(events.at(-2)).toMatchObject({ delta: { stop_reason: "end_turn" } });
    expect(events.at(-1)).toEqual({ type: "message_stop" });
    expect(wire.match(/"type":"message_start"/g)).toHaveLength(1);
    expect(wire).toContain("mcp_tool_result");
  });

  it("200 with tool_use for the client's tool, and goes on from its result", async () => {
    const calls = [{ name: "mine", arguments: { n: 1 } }, SUM];
    const turns = [{ reasoning: "deep", text: "Half. ", calls }, { text: "Whole: {{results}}" }];
    const body = { ...ask(turns, { model: kind }), tools: [MINE], thinking: { type: "adaptive" } };
    const first = await said(body);
    expect(first.stop_reason).toBe("tool_use");
    const own = first.content.find(({ type }) => type === "tool_use");
    expect(own).toMatchObject({ name: "mine", input: { n: 1 } });
    const assistant = { role: "assistant", content: first.content };
    const goOn = (content: unknown) => {
      const results = [{ type: "tool_result", tool_use_id: own?.id, content, is_error: true }];
      const messages = [scripted(turns), assistant, { role: "user", content: results }];
      return said({ ...body, messages });
    };
    const second = await goOn("own result");
    expect(JSON.stringify(second.content)).toContain("own result");
    expect(typesIn(await goOn([IMAGE]))).toEqual(["text"]);
  });

  it("200 after a whole earlier message of the gateway's is sent back", async () => {
    const turns = [{ text: "Looking. ", calls: [SUM] }, { text: "Done." }];
    const first = await said(ask(turns, { model: kind }));
    const thinking = [
      { type: "thinking", thinking: "old", signature: "" },
      { type: "redacted_thinking", data: "gw1.{" },
    ];
    const messages = [
      { role: "user", content: "hi" },
      { role: "assistant", content: [...thinking, ...first.content] },
      { role: "assistant", content: "plain" },
      { role: "system", content: "Be brief." },
      scripted([{ text: "again" }]),
    ];
    const again = await said({ ...ask([]), model: kind, messages });
    expect(again.content.at(-1)?.type).toBe("text");
  });

  it("200 for system blocks, images, documents and every field of the request", async () => {
    const content = [
      IMAGE,
      { type: "image", source: { type: "url", url: "https://example.com/a.png" } },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "a page" } },
      { type: "search_result", content: [{ type: "text", text: "found" }] },
      { type: "text", text: "" },
      { type: "text", text: scripted([{ text: "Seen." }]).content },
    ];
    const cache_control = { type: "ephemeral" };
    const message = await said({
      ...ask([]),
      model: kind,
      system: [{ type: "text", text: "Be kind.", cache_control }],
      messages: [{ role: "user", content }],
      tools: [{ ...MINE, type: "custom", strict: true, cache_control }],
      tool_choice: { type: "auto", disable_parallel_tool_use: true },
      ...(kind !== "openai_responses" && { stop_sequences: ["END"] }),
      metadata: { user_id: "u1" },
      output_config: { effort: "low" },
    });
    expect(message.content).toMatchObject([{ type: "text", text: "Seen." }]);
  });
});

describe("POST /v1/messages", () => {
  it.each(["any", "none", "tool"])("200 for the tool choice %s", async (type) => {
    const more = { tools: [MINE], tool_choice: { type, ...(type === "tool" && { name: "mine" }) } };
    const message = await said(ask([{ text: "Hi" }], more), { "x-gw-tools": "none" });
    expect(typesIn(message)).toEqual(["text"]);
  });

  it("200 with pause_turn when the tenant's limit of turns is reached", async () => {
    const limited = await newKey();
    await call("PATCH /v1/policy", { key: limited, body: { runs: { max_turns: 1 } } });
    const paused = await said(ask([{ calls: [SUM] }, { text: "Never." }]), {
      "x-api-key": limited,
    });
    expect(paused.stop_reason).toBe("pause_turn");
  });

  it("200 with the same run for an Idempotency-Key used again, 409 for another body", async () => {
    const headers = { "idempotency-key": crypto.randomUUID() };
    const body = ask([{ calls: [SUM] }, { text: "Once." }]);
    const first = await said(body, headers);
    expect(await said(body, headers)).toEqual(first);
    const other = await send(ask([{ text: "Other." }]), headers);
    expect(other.status).toBe(409);
    expect(await other.json()).toMatchObject({ type: "error" });
  });

  it("200 and then an error event with the run's id when a stream breaks", async () => {
    const response = await send(ask([], { model: "cut-mid-stream", stream: true }));
    expect(response.status).toBe(200);
    const text = JSON.stringify(dataLines(await response.text()).at(-1));
    expect(text).toContain('"type":"error"');
    expect(text).toContain(response.headers.get("x-gw-run") ?? "no run");
  });

  const HI = ask([{ text: "Hi" }]);
  const unknownBlock = { role: "user", content: [{ type: "hologram" }] };
  it.each<[number, string, unknown, Record<string, string>]>([
    [400, "broken JSON", "{", {}],
    [400, "no messages", { model: "openai", max_tokens: 1, messages: [] }, {}],
    [400, "content nobody understands", { ...HI, messages: [unknownBlock] }, {}],
    [400, "a provider's tool elsewhere", { ...HI, tools: [{ type: "web_search", name: "w" }] }, {}],
    [400, "a tool without a name", { ...HI, tools: [{ input_schema: {} }] }, {}],
    [400, "an unknown tool in x-gw-tools", HI, { "x-gw-tools": "nobody" }],
    [400, "an empty Idempotency-Key", HI, { "idempotency-key": " " }],
    [401, "a wrong key", HI, { "x-api-key": "tfe_wrong" }],
    [404, "an unknown model", { ...HI, model: "nobody" }, {}],
    [429, "a busy provider", ask([{ status: 429, retry_after_s: 3 }]), {}],
    [502, "a stream that breaks, collected", { ...HI, model: "cut-mid-stream" }, {}],
  ])("%i in Anthropic's envelope for %s", async (status, _, body, headers) => {
    const response = await send(body, headers);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({
      type: "error",
      error: { type: expect.any(String), message: expect.any(String) },
    });
  });
});

describe("GET /v1/results/{handle}", () => {
  it("200 for a kept result or a place in it, 404 for what is not there, 400 for no pointer", async () => {
    const calls = Array.from({ length: 20 }, () => ({ tool: "records", arguments: {} }));
    const run = await call("POST /v1/runs", { key, body: { calls } });
    const { results } = await run.json<{ results: { kept?: { handle: string } }[] }>();
    const handle = results.find(({ kept }) => kept !== undefined)?.kept?.handle ?? "";
    const read = async (path: string, reader = key) => {
      const response = await call(`GET /v1/results/${path}`, { key: reader });
      return [response.status, await response.text()];
    };
    expect(await read(`${handle}?pointer=/items/4321/name`)).toEqual([200, '"Record 4321"']);
    expect((await read(handle))[0]).toBe(200);
    expect((await read(`${handle}?pointer=/nothing`))[0]).toBe(404);
    expect((await read(`${handle}?pointer=items`))[0]).toBe(400);
    expect((await read("res_x"))[0]).toBe(404);
    expect((await read(handle, (await newTestTenant()).key))[0]).toBe(404);
  });
});

const AT = { name: "a", in: "query", required: true };
/** Operations no tool can be made of, and why. */
const REFUSED: readonly [string, object][] = [
  ["has a content type of its own", { parameters: [{ ...AT, content: {} }] }],
  ["has the style", { parameters: [{ ...AT, style: "spaceDelimited" }] }],
  ["is an object", { parameters: [{ ...AT, schema: { type: "object" } }] }],
  ["is a list.", { parameters: [{ ...AT, in: "header", schema: { type: "array" } }] }],
  ["in one value", { parameters: [{ ...AT, explode: false, schema: { type: "array" } }] }],
  ["has no name", { parameters: [{ in: "query" }] }],
  ["neither an object nor a boolean", { parameters: [{ ...AT, schema: 7 }] }],
  ["leads nowhere", { parameters: [{ $ref: "#/nowhere" }] }],
  ["Only references into", { requestBody: { $ref: "https://example.com/body" } }],
];

async function importOf(body: object, dry_run = true): Promise<[number, unknown]> {
  const document = { openapi: "3.1.0", servers: [{ url: tools }] };
  const openapi = { ...document, paths: {}, ...body };
  const response = await call("POST /v1/tools/import", { key, body: { openapi, dry_run } });
  return [response.status, await response.json()];
}

describe("POST /v1/tools/import", () => {
  it("200 with the tool it stored, whose name is a collision from then on", async () => {
    const paths = { "/echo": { get: { operationId: "echoed" } } };
    const made = [{ name: "echoed", operation: "GET /echo", effect: "read" }];
    expect(await importOf({ paths }, false)).toMatchObject([200, { data: made }]);
    expect(await importOf({ paths })).toMatchObject([200, { data: [], collisions: made }]);
    expect((await call("GET /v1/tools/echoed", { key })).status).toBe(200);
  });

  it("200 with the reason for every operation it can make no tool of", async () => {
    const paths = Object.fromEntries(REFUSED.map(([, post], n) => [`/p${n}`, { post }]));
    const unsupported = REFUSED.map(([why]) => ({ message: expect.stringContaining(why) }));
    expect(await importOf({ paths })).toMatchObject([200, { data: [], unsupported }]);
  });

  it.each<[string, object]>([
    ["/openapi/openapi", { openapi: "2.0" }],
    ["/openapi/paths", { paths: [] }],
    ["/openapi/paths/~1a", { paths: { "/a": 7 } }],
    ["/openapi/servers/0/url", { servers: [] }],
    ["/openapi/servers/0/url", { servers: [{ url: "http://10.0.0.1" }] }],
  ])("422 naming the place %s", async (pointer, body) => {
    const [status, answer] = await importOf(body);
    expect([status, JSON.stringify(answer)]).toEqual([
      422,
      expect.stringContaining(`"${pointer}"`),
    ]);
  });
});
