/** MCP on both sides, over HTTP: `/v1/mcp-servers`, where the gateway is the client, and `/mcp`, where it is the server. */

import { describe, expect, inject, it } from "vitest";

import { call, dataLines } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const { fault, mcp } = inject("servers");

/** Nothing listens there. */
const CLOSED = "http://127.0.0.1:9/mcp";

/** A tool that gets a path of the fault origin. */
const get = (path: string, effect: string) => ({
  description: "Gets",
  input: { type: "object" },
  http: { method: "GET", url: `${fault}${path}` },
  effect,
});

const TOOLS = {
  add: {
    description: "Calculates",
    input: { type: "object", properties: { expression: { type: "string" } } },
    builtin: "calculator",
    effect: "pure",
  },
  broken: get("/status/500", "read"),
  echo: {
    description: "Echoes the request",
    input: { type: "object", properties: { n: { type: "integer" } }, required: ["n"] },
    output: { type: "object" },
    http: { method: "GET", url: `${fault}/echo`, query: { n: "{n}" } },
    effect: "idempotent_write",
  },
  hang: get("/hang", "write"),
};

/** A server nobody else uses, behaving as `state` says. */
async function farServer(state: object = {}): Promise<string> {
  const base = `${mcp}/${crypto.randomUUID()}`;
  await (await fetch(`${base}/control`, { method: "POST", body: JSON.stringify(state) })).text();
  return `${base}/mcp`;
}

/** A key of a new tenant with the tools above. */
async function newKey(policy: object = {}): Promise<string> {
  const { key } = await newTestTenant();
  for (const [name, body] of Object.entries(TOOLS)) {
    const put = await call(`PUT /v1/tools/${name}`, { key, body });
    if (put.status !== 201) throw new Error(await put.text());
  }
  await call("PATCH /v1/policy", { key, body: policy });
  return key;
}

describe("/v1/mcp-servers", () => {
  it("201, 200, 200, 204, 404 through a server's life, with what it lists", async () => {
    const { key } = await newTestTenant();
    const url = await farServer();
    await call("PUT /v1/tools/far__sleep", { key, body: TOOLS.add });
    const made = await call("PUT /v1/mcp-servers/far", { key, body: { url } });
    expect(made.status).toBe(201);
    expect(await made.json()).toMatchObject({
      label: "far",
      url,
      status: "ready",
      negotiated: "2026-07-28",
    });
    const tools = { echo: { effect: "read" }, add: { enabled: false } };
    const again = await call("PUT /v1/mcp-servers/far", { key, body: { url, tools } });
    expect(again.status).toBe(200);
    const read = await call("GET /v1/mcp-servers/far", { key });
    expect(read.status).toBe(200);
    const { listed } = await read.json<{ listed: unknown[] }>();
    const states = [
      { name: "far__echo", effect: "read", offered: true },
      { tool: "add", offered: false, reason: "disabled" },
      { tool: "sleep", offered: false, reason: "name_taken" },
    ];
    expect(listed).toEqual(expect.arrayContaining(states.map((o) => expect.objectContaining(o))));
    const all = await call("GET /v1/mcp-servers", { key });
    expect(await all.json()).toMatchObject({ data: [{ label: "far", url }], next: null });
    expect((await call("DELETE /v1/mcp-servers/far", { key })).status).toBe(204);
    expect((await call("DELETE /v1/mcp-servers/far", { key })).status).toBe(404);
    expect((await call("GET /v1/mcp-servers/far", { key })).status).toBe(404);
  });

  it.each([
    ["unreachable", async () => CLOSED],
    ["answering 503", () => farServer({ fault: "status" })],
    ["refusing its credentials", () => farServer({ authorization: "Bearer other" })],
  ])("201 and failing for a server that is %s", async (_how, start) => {
    const { key } = await newTestTenant();
    const made = await call("PUT /v1/mcp-servers/far", { key, body: { url: await start() } });
    expect(made.status).toBe(201);
    const failing = {
      status: "failing",
      listed: [],
      error: { code: expect.any(String), message: expect.any(String), at: expect.any(String) },
    };
    expect(await made.json()).toMatchObject(failing);
  });

  it.each(["session", "stateless"])("201 for a %s server of 2025-11-25", async (era) => {
    const { key } = await newTestTenant();
    const url = await farServer({ era });
    const made = await call("PUT /v1/mcp-servers/far", { key, body: { url } });
    expect(made.status).toBe(201);
    expect(await made.json()).toMatchObject({ status: "ready", negotiated: "2025-11-25" });
    const calls = [{ tool: "far__add", arguments: { a: 2, b: 3 } }, { tool: "far__refuse" }];
    const run = await call("POST /v1/runs", { key, body: { calls } });
    expect(await run.json()).toMatchObject({
      results: [
        { status: "succeeded", output: { sum: 5 } },
        { status: "failed", error: { code: "tool_error", message: "no such city" } },
      ],
    });
  });

  it("400 for a body, a label and a page that cannot be; 404 for reading such a label", async () => {
    const { key } = await newTestTenant();
    const put = (label: string, body: unknown) =>
      call(`PUT /v1/mcp-servers/${label}`, { key, body });
    expect((await put("far", "{")).status).toBe(400);
    const unknown = await put("far", { url: CLOSED, oops: 1 });
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toMatchObject({ violations: [{ pointer: "/oops" }] });
    expect((await put("Far__Off", { url: CLOSED })).status).toBe(400);
    expect((await call("GET /v1/mcp-servers?limit=x", { key })).status).toBe(400);
    expect((await call("GET /v1/mcp-servers/Far__Off", { key })).status).toBe(404);
    expect((await call("DELETE /v1/mcp-servers/Far__Off", { key })).status).toBe(404);
  });

  it("422 for a server that cannot be asked, with every place that is wrong", async () => {
    const { key } = await newTestTenant();
    const body = {
      url: `${CLOSED}#part`,
      headers: { "mcp-method": "x", "x-a": "{{oops" },
      tools: { echo: { cache: { ttl_s: 5 } } },
    };
    const refused = await call("PUT /v1/mcp-servers/far", { key, body });
    expect(refused.status).toBe(422);
    const { violations } = await refused.json<{ violations: { pointer: string }[] }>();
    const places = ["/url", "/headers/mcp-method", "/headers/x-a", "/tools/echo/cache"];
    expect(violations.map(({ pointer }) => pointer)).toEqual(places);
  });
});

const ACCEPT = { accept: "application/json, text/event-stream" };
const REVISION = "2026-07-28";
const PROGRESS = { progressToken: "p" };
const META = {
  "io.modelcontextprotocol/protocolVersion": REVISION,
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": {},
  ...PROGRESS,
};

/** Sends a message and gives the status, the session and the JSON-RPC messages of the answer. */
async function say(key: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await call("POST /mcp", { key, body, headers: { ...ACCEPT, ...headers } });
  const text = await response.text();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const lines = isStream ? dataLines(text) : text === "" ? [] : [JSON.parse(text) as unknown];
  const session = response.headers.get("mcp-session-id");
  return { status: response.status, session, said: lines, last: lines.at(-1) };
}

type Params = Readonly<Record<string, unknown>>;

/** Asks as each revision does. */
const ASK = {
  "2025-11-25": (key: string, method: string, params: Params = {}) =>
    say(
      key,
      { jsonrpc: "2.0", id: 7, method, params: { ...params, _meta: PROGRESS } },
      { "mcp-protocol-version": "2025-11-25" },
    ),
  "2026-07-28": (key: string, method: string, params: Params = {}) =>
    say(
      key,
      { jsonrpc: "2.0", id: 7, method, params: { ...params, _meta: META } },
      {
        "mcp-protocol-version": REVISION,
        "mcp-method": method,
        ...(typeof params["name"] === "string" && { "mcp-name": params["name"] }),
      },
    ),
};

describe.each(["2025-11-25", "2026-07-28"] as const)("POST /mcp (%s)", (revision) => {
  const ask = ASK[revision];

  it("200 with the key's tools by name, and -32602 for a cursor nobody gave out", async () => {
    const key = await newKey();
    const { status, last } = await ask(key, "tools/list");
    expect(status).toBe(200);
    expect(last).toMatchObject({
      id: 7,
      result: {
        tools: [
          { name: "add", annotations: { readOnlyHint: true, openWorldHint: false } },
          { name: "broken", annotations: { readOnlyHint: true, openWorldHint: true } },
          { name: "echo", outputSchema: { type: "object" } },
          { name: "hang", annotations: { readOnlyHint: false, idempotentHint: false } },
        ],
      },
    });
    const rest = await ask(key, "tools/list", { cursor: "after:echo" });
    expect(rest.last).toMatchObject({ result: { tools: [{ name: "hang" }] } });
    const lost = await ask(key, "tools/list", { cursor: "nowhere" });
    expect(lost.last).toMatchObject({ error: { code: -32_602, message: "Unknown cursor." } });
  });

  it("200 with a call's result, as an object where it is one, after the progress asked for", async () => {
    const key = await newKey();
    const params = { name: "echo", arguments: { n: 4 } };
    const { status, said, last } = await ask(key, "tools/call", params);
    expect(status).toBe(200);
    expect(last).toMatchObject({ id: 7, result: { structuredContent: { method: "GET" } } });
    expect(said.slice(0, -1)).toMatchObject(
      ["queued", "started", "finished"].map((message, progress) => ({
        method: "notifications/progress",
        params: { progressToken: "p", progress, total: 2, message },
      })),
    );
  });

  it("200 with a failed tool and wrong arguments as results, an unknown tool as an error", async () => {
    const key = await newKey();
    const broken = await ask(key, "tools/call", { name: "broken" });
    expect(broken.status).toBe(200);
    expect(broken.last).toMatchObject({
      result: { isError: true, content: [{ text: expect.stringContaining("upstream_status") }] },
    });
    const wrong = await ask(key, "tools/call", { name: "echo", arguments: { n: "x" } });
    expect(wrong.last).toMatchObject({
      result: { isError: true, content: [{ text: expect.stringContaining("/n: ") }] },
    });
    const nobody = await ask(key, "tools/call", { name: "nobody", arguments: {} });
    expect(nobody.last).toMatchObject({ error: { code: -32_602 } });
  });

  it("200 with the wait as an error when the tenant's limit is used up", async () => {
    const requests = [{ limit: 1, window_s: 3600, burst: 1 }];
    const key = await newKey({ limits: { requests } });
    const params = { name: "add", arguments: { expression: "2+3" } };
    await ask(key, "tools/call", params);
    const { last } = await ask(key, "tools/call", params);
    expect(last).toMatchObject({
      error: { data: { code: "quota_exceeded", retry_after_ms: expect.any(Number) } },
    });
  });
});

const clientInfo = { name: "test", version: "1" };
const HELLO = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
const START = { jsonrpc: "2.0", id: 1, method: "initialize", params: HELLO };

describe("POST /mcp", () => {
  it("200 to who greets it in either revision", async () => {
    const key = await newKey();
    const { session, last } = await say(key, START);
    expect(session).toMatch(/^mcp_/);
    expect(last).toMatchObject({ id: 1, result: { protocolVersion: "2025-11-25" } });
    const found = await ASK[REVISION](key, "server/discover");
    expect(found.last).toMatchObject({ result: { supportedVersions: [REVISION] } });
  });

  it("202 to a cancellation, which ends the session's call; 400 to what is no message", async () => {
    const key = await newKey();
    const { session } = await say(key, START);
    const headers = { ...ACCEPT, "mcp-session-id": session ?? "" };
    const params = { name: "hang", _meta: PROGRESS };
    const body = { jsonrpc: "2.0", id: "h", method: "tools/call", params };
    const cancel = { jsonrpc: "2.0", method: "notifications/cancelled" };
    const hanging = await call("POST /mcp", { key, body, headers });
    let wire = "";
    let told = 0;
    for await (const text of hanging.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      wire += text;
      if (told !== 0 || !wire.includes("started")) continue;
      told = (await say(key, { ...cancel, params: { requestId: "h" } }, headers)).status;
    }
    expect(told).toBe(202);
    expect(wire).toContain("cancelled");
    expect((await say(key, { ...cancel, params: { requestId: "h" } })).status).toBe(202);
    for (const odd of [[START], 7, { id: 1 }, "{"]) expect((await say(key, odd)).status).toBe(400);
  });

  it("401, 403 as JSON-RPC errors without a key and for pages of another site", async () => {
    expect((await say("", START)).status).toBe(401);
    const key = await newKey();
    for (const origin of ["https://evil.example", "null"]) {
      const { status, last } = await say(key, START, { origin });
      expect([status, last]).toMatchObject([403, { error: { data: { code: "origin_refused" } } }]);
    }
  });
});
