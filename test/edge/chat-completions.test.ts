import { beforeAll, describe, expect, inject, it } from "vitest";

import { call, dataLines } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault = "", model = "" } = inject("servers");

let key = "";

/** A tenant whose model follows the script in the user's message, and whose `faulty` upstream fails as its model says. */
async function newKey(): Promise<string> {
  const tenant = await newTestTenant();
  const resources: [string, object][] = [
    [
      "/v1/tools/add",
      { description: "Adds", input: EXPRESSION, builtin: "calculator", effect: "pure" },
    ],
    [
      "/v1/tools/delay",
      {
        description: "Takes its time",
        input: { type: "object", properties: { ms: { type: "integer" } } },
        http: { method: "GET", url: `${fault}/delay/{ms}` },
        effect: "read",
      },
    ],
    ["/v1/upstreams/faulty", upstream(fault, Object.fromEntries(FAULTY.map((name) => [name, {}])))],
    ["/v1/upstreams/main", upstream(model, { scripted: { as: "scripted-1" } })],
  ];
  for (const [path, body] of resources) {
    const put = await call(`PUT ${path}`, { key: tenant.key, body });
    if (put.status !== 201) throw new Error(await put.text());
  }
  return tenant.key;
}

const EXPRESSION = { type: "object", properties: { expression: { type: "string" } } };
const FAULTY = ["down", "cut-mid-stream", "endless", "slow-headers"];

function upstream(url: string, models: object): object {
  return { kind: "openai", models, targets: [{ id: "t", base_url: `${url}/v1` }] };
}

/** A chat request whose model plays `turns`. */
function script(turns: readonly object[], more: object = {}): object {
  const content = `#script ${JSON.stringify({ turns })}`;
  return { model: "scripted", messages: [{ role: "user", content }], ...more };
}

const TWO_TURNS = [
  {
    text: "Let me see. ",
    calls: [
      { name: "add", arguments: { expression: "2+3" } },
      { name: "delay", arguments: { ms: 250 } },
    ],
  },
  { text: "Done: {{results}}" },
];
const MINE = { type: "function", function: { name: "mine", parameters: { type: "object" } } };

async function chat(body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return call("POST /v1/chat/completions", { key, body, headers });
}

beforeAll(async () => {
  key = await newKey();
});

describe("POST /v1/chat/completions, not streaming", () => {
  it("200 with one message of all turns, the usage summed and x_gw", async () => {
    const response = await chat(script(TWO_TURNS));
    expect(response.status).toBe(200);
    const run = response.headers.get("x-gw-run") ?? "";
    const body = await response.json<{ choices: { message: { content: string } }[] }>();
    expect(body).toMatchObject({
      id: `chatcmpl-${run}`,
      object: "chat.completion",
      created: expect.any(Number),
      model: "scripted",
      choices: [{ index: 0, message: { role: "assistant" }, finish_reason: "stop" }],
      usage: { total_tokens: expect.any(Number) },
      x_gw: { run, turns: 2, calls: 2 },
    });
    expect(body.choices[0]?.message.content).toMatch(/^Let me see\. .*Done: .*late/s);
    expect(body.choices[0]?.message).not.toHaveProperty("tool_calls");
    expect(response.headers.get("server-timing")).toMatch(/^gw;dur=\d{1,3}$/);
  });

  it("200 with the client's own calls and null for content", async () => {
    const turns = [{ calls: [{ name: "mine", arguments: { a: 1 } }] }];
    const response = await chat(script(turns, { tools: [MINE] }));
    expect(await response.json()).toMatchObject({
      choices: [
        {
          message: {
            content: null,
            tool_calls: [{ type: "function", function: { name: "mine", arguments: '{"a":1}' } }],
          },
          finish_reason: "tool_calls",
        },
      ],
    });
  });

  it("200 without the gateway's tools for x-gw-tools: none, with the named ones for a list", async () => {
    const turns = [{ text: "Hi" }];
    expect((await chat(script(turns), { "x-gw-tools": "none" })).status).toBe(200);
    expect((await chat(script(turns), { "x-gw-tools": "add" })).status).toBe(200);
    const calls = [{ calls: [{ name: "delay", arguments: { ms: 1 } }] }, { text: "{{results}}" }];
    const text = await (await chat(script(calls), { "x-gw-tools": "add" })).text();
    expect(text).toContain("unknown_tool");
  });
});

describe("POST /v1/chat/completions, streaming", () => {
  it("200 as one OpenAI stream in which no inner turn shows", async () => {
    const more = { stream: true, stream_options: { include_usage: true } };
    const response = await chat(script(TWO_TURNS, more));
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    const wire = await response.text();
    expect(wire).toContain(": keepalive\n\n");
    const chunks = dataLines(wire);
    expect(chunks.at(-1)).toBe("[DONE]");
    expect(chunks[0]).toMatchObject({ choices: [{ delta: { role: "assistant" } }] });
    expect(chunks.at(-2)).toMatchObject({
      choices: [],
      usage: { total_tokens: expect.any(Number) },
      x_gw: { turns: 2, calls: 2 },
    });
    expect(wire.match(/"finish_reason":"/g)).toHaveLength(1);
    expect(wire.match(/"role"/g)).toHaveLength(1);
    expect(wire.match(/\[DONE\]/g)).toHaveLength(1);
    expect(wire).not.toContain("tool_calls");
    expect(new Set(wire.match(/"id":"[^"]*"/g)).size).toBe(1);
    for (const chunk of chunks.slice(0, -1)) expect(chunk).toHaveProperty("choices");
  });

  it("200 with the gateway's calls for x-gw-events: tools", async () => {
    const headers = { "x-gw-events": "tools" };
    const wire = await (await chat(script(TWO_TURNS, { stream: true }), headers)).text();
    expect(dataLines(wire)).toContainEqual(
      expect.objectContaining({
        choices: [],
        x_gw: expect.objectContaining({ type: "tool.started", name: "add" }),
      }),
    );
  });

  it("ends a stream that breaks with an error, the run's id and [DONE]", async () => {
    const messages = [{ role: "user", content: "hi" }];
    const response = await chat({ model: "cut-mid-stream", messages, stream: true });
    expect(response.status).toBe(200);
    const chunks = dataLines(await response.text());
    expect(chunks.at(-2)).toMatchObject({
      error: { code: "upstream_invalid_response", run: response.headers.get("x-gw-run") },
    });
    expect(chunks.at(-1)).toBe("[DONE]");
  });

  it("ends a keyed stream whose run is cancelled by its id with an error and [DONE]", async () => {
    const messages = [{ role: "user", content: "hi" }];
    const headers = { "idempotency-key": "to-be-cancelled" };
    const response = await chat({ model: "endless", messages, stream: true }, headers);
    const run = response.headers.get("x-gw-run") ?? "";
    await call(`POST /v1/runs/${run}/cancel`, { key });
    const chunks = dataLines(await response.text());
    expect(chunks.slice(-2)).toEqual([
      expect.objectContaining({ error: expect.objectContaining({ code: "cancelled", run }) }),
      "[DONE]",
    ]);
  });

  it("stops the model when the reader leaves", async () => {
    const user = crypto.randomUUID();
    const messages = [{ role: "user", content: "hi" }];
    const response = await chat({ model: "endless", messages, user, stream: true });
    const reader = response.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    let open = 1;
    for (let tries = 0; tries < 100 && open > 0; tries++) {
      await scheduler.wait(20);
      const stats = await (await fetch(`${fault}/stats`)).json<Stats>();
      open = stats.byId[user]?.open ?? 0;
    }
    expect(open).toBe(0);
  });
});

interface Stats {
  readonly byId: Record<string, { readonly open: number }>;
}

describe("POST /v1/chat/completions, refused before the first byte", () => {
  it.each([true, false])("with a status and OpenAI's envelope (stream: %s)", async (stream) => {
    async function refused(body: unknown, headers: Record<string, string> = {}) {
      const response = await chat(body, headers);
      expect(response.headers.get("content-type")).toBe("application/json");
      const { error } = await response.json<{ error: Record<string, unknown> }>();
      return [response.status, error["code"], error["param"]];
    }
    const ask = script([{ text: "Hi" }], { stream });
    const of = (turn: object) => script([turn], { stream });
    const messages = [{ role: "user", content: "hi" }];
    expect(await refused("{")).toEqual([400, "invalid_json", null]);
    expect(await refused({ model: "m", messages: [{}] })).toEqual([
      400,
      "validation_failed",
      "messages[0].role",
    ]);
    expect(await refused({ ...ask, model: "nobody" })).toEqual([404, "model_not_found", null]);
    expect(await refused(ask, { "x-gw-tools": "add,nobody" })).toEqual([
      400,
      "validation_failed",
      null,
    ]);
    expect(await refused(ask, { "idempotency-key": " " })).toEqual([
      400,
      "validation_failed",
      null,
    ]);
    expect(await refused(of({ status: 400, code: "context_length_exceeded" }))).toEqual([
      400,
      "context_length_exceeded",
      null,
    ]);
    expect(await refused(of({ status: 401 }))).toEqual([502, "upstream_rejected", null]);
    expect(await refused({ model: "down", messages, stream })).toEqual([
      502,
      "upstream_unreachable",
      null,
    ]);
  });

  it("429 with the upstream's Retry-After", async () => {
    const response = await chat(script([{ status: 429, retry_after_s: 7 }]));
    expect(response.status).toBe(429);
    expect(response.headers.get("retry-after")).toBe("7");
  });

  it("401 without a key and 403 without the scope, in the same envelope", async () => {
    const made = await call("POST /v1/keys", { key, body: { name: "k", scopes: ["tools:read"] } });
    const reader = (await made.json<{ key: string }>()).key;
    const anonymous = await call("POST /v1/chat/completions", { body: {} });
    expect(anonymous.status).toBe(401);
    expect(await anonymous.json()).toMatchObject({ error: { code: "invalid_api_key" } });
    const forbidden = await call("POST /v1/chat/completions", { key: reader, body: {} });
    expect(forbidden.status).toBe(403);
    expect(await forbidden.json()).toMatchObject({ error: { type: "permission_error" } });
  });

  it("429 in OpenAI's words when the tenant's limit is used up", async () => {
    const one = await newKey();
    const body = { limits: { requests: [{ limit: 1, window_s: 60, burst: 1 }] } };
    await call("PATCH /v1/policy", { key: one, body });
    const ask = { key: one, body: script([{ text: "Hi" }]) };
    expect((await call("POST /v1/chat/completions", ask)).status).toBe(200);
    const refused = await call("POST /v1/chat/completions", ask);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("ratelimit")).toMatch(/r=0/);
    expect(await refused.json()).toMatchObject({
      error: { type: "rate_limit_error", code: "rate_limit_exceeded" },
    });
  });
});
