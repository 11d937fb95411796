/** The official MCP client, unmodified, against `/mcp`, on both revisions. */

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, describe, expect, it } from "vitest";

import { listOf } from "../../dev/http/json.ts";
import { farServer, tenantWithServer } from "./mcp-scene.ts";
import {
  becomes,
  gateway,
  ledgerEntries,
  newTenant,
  plain,
  send,
  toolRequests,
  unique,
  type TestTenant,
} from "./scene.ts";

const open: Client[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

async function connect(
  tenant: { readonly apiKey: string },
  mode: "legacy" | { readonly pin: string },
): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const transport = new StreamableHTTPClientTransport(new URL(`${gateway.baseUrl}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${tenant.apiKey}` } },
  });
  await client.connect(transport);
  open.push(client);
  return client;
}

function textOf(result: unknown): string {
  return String(plain(listOf(plain(result), "content")[0])["text"]);
}

const MODES = [
  { name: "2026-07-28", mode: { pin: "2026-07-28" } },
  { name: "2025-11-25", mode: "legacy" },
] as const;

for (const { name, mode } of MODES) {
  describe(`the official MCP client (${name})`, () => {
    it("speaks that revision, and lists the key's tools with what they may do", async () => {
      const tenant = await newTenant();
      const client = await connect(tenant, mode);
      expect(client.getNegotiatedProtocolVersion()).toBe(name);
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual([
        "broken",
        "get_weather",
        "record_note",
        "wait",
      ]);
      expect(tools[1]).toMatchObject({
        description: "Current weather for a city",
        inputSchema: { type: "object", required: ["city"] },
        annotations: { readOnlyHint: true, openWorldHint: true },
      });
      expect(tools[2]?.annotations).toMatchObject({ readOnlyHint: false, destructiveHint: true });
    });

    it("calls a tool and gets its result structured and as text", async () => {
      const tenant = await newTenant();
      const client = await connect(tenant, mode);
      const result = await client.callTool({ name: "get_weather", arguments: { city: "Paris" } });
      expect(result.isError ?? false).toBe(false);
      expect(result.structuredContent).toMatchObject({ city: "Paris" });
      expect(JSON.parse(textOf(result))).toEqual(result.structuredContent);
    });

    it("hears of a failing tool and of wrong arguments as results, of an unknown tool as an error", async () => {
      const client = await connect(await newTenant(), mode);
      const broken = await client.callTool({ name: "broken", arguments: {} });
      expect(broken.isError).toBe(true);
      expect(textOf(broken)).toContain("upstream_status");
      const wrong = await client.callTool({ name: "get_weather", arguments: { city: 7 } });
      expect(wrong.isError).toBe(true);
      expect(textOf(wrong)).toContain("/city");
      await expect(client.callTool({ name: "nothing", arguments: {} })).rejects.toMatchObject({
        code: -32_602,
      });
    });

    it("gets progress when it asks for it", async () => {
      const client = await connect(await newTenant(), mode);
      const heard: unknown[] = [];
      await client.callTool(
        { name: "wait", arguments: { ms: 20 } },
        { onprogress: ({ progress, total, message }) => heard.push([progress, total, message]) },
      );
      expect(heard).toEqual([
        [0, 2, "queued"],
        [1, 2, "started"],
        [2, 2, "finished"],
      ]);
    });

    it("gets the progress of a tool that says how far it is, always growing", async () => {
      const client = await connect(await tenantWithServer(await farServer()), mode);
      const heard: (readonly [number, string | undefined])[] = [];
      await client.callTool(
        { name: "far__steps", arguments: { steps: 4, ms: 20 } },
        { onprogress: ({ progress, message }) => heard.push([progress, message]) },
      );
      const values = heard.map(([progress]) => progress);
      expect(values).toEqual(values.toSorted((one, other) => one - other));
      expect(new Set(values).size).toBe(values.length);
      expect(values.every((value) => value <= 2)).toBe(true);
      const messages = heard.map(([, message]) => message ?? "");
      expect(messages.some((message) => message.startsWith("step "))).toBe(true);
      expect(messages.at(-1)).toBe("finished");
    });

    it("cancels a call, which ends at the tool too", async () => {
      const tenant = await newTenant();
      const client = await connect(tenant, mode);
      const leave = new AbortController();
      const call = client.callTool(
        { name: "wait", arguments: { ms: 20_000 } },
        { signal: leave.signal },
      );
      const atTool = async () => (await toolRequests(tenant.mark)).open;
      expect(await becomes(async () => (await atTool()) === 1, 5000)).toBe(true);
      leave.abort("enough");
      await expect(call).rejects.toBeDefined();
      expect(await becomes(async () => (await atTool()) === 0, 5000)).toBe(true);
    });

    it("runs a write once", async () => {
      const client = await connect(await newTenant(), mode);
      const entry = unique("note");
      await client.callTool({ name: "record_note", arguments: { entry } });
      expect(await ledgerEntries(entry)).toBe(1);
    });

    it("sees only the tools its key may use", async () => {
      const tenant = await newTenant();
      const made = await tenant.call("POST", "/v1/keys", {
        name: "one tool",
        scopes: ["run"],
        tools: ["wait"],
      });
      const client = await connect({ apiKey: String(made["key"]) }, mode);
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(["wait"]);
      const refused = client.callTool({ name: "get_weather", arguments: { city: "Paris" } });
      await expect(refused).rejects.toMatchObject({ code: -32_602 });
    });

    it("pages through many tools", async () => {
      const input = { type: "object" };
      const names = Array.from({ length: 101 }, (_, n) => `t${String(n).padStart(3, "0")}`);
      const http = { method: "GET", url: "https://api.example.com/" };
      const tools = Object.fromEntries(
        names.map((tool) => [tool, { description: tool, input, effect: "read", http }]),
      );
      const client = await connect(await newTenant({ tools }), mode);
      expect((await client.listTools()).tools.map((tool) => tool.name)).toEqual(names);
    });
  });
}

describe("POST /mcp", () => {
  const message = { jsonrpc: "2.0", id: 1, method: "tools/list" };
  const headers = { accept: "application/json, text/event-stream" };
  const post = (tenant: TestTenant, more: object = {}) =>
    send("POST", "/mcp", { key: tenant.apiKey, body: message, headers, ...more });

  it("401, 400, 413 and 415 as JSON-RPC errors", async () => {
    const tenant = await newTenant();
    const noKey = await send("POST", "/mcp", { body: message });
    expect(noKey.status).toBe(401);
    expect(noKey.headers.get("www-authenticate")).toBe("Bearer");
    expect(noKey.json).toMatchObject({
      jsonrpc: "2.0",
      error: { data: { code: "unauthenticated" } },
    });
    const broken = await post(tenant, { body: "{" });
    expect([broken.status, broken.json]).toMatchObject([400, { error: { code: -32_700 } }]);
    expect((await post(tenant, { body: " ".repeat(1_048_577) })).status).toBe(413);
    const form = { ...headers, "content-type": "text/plain" };
    expect((await post(tenant, { headers: form })).status).toBe(415);
  });

  it("403 for pages of another site and for another host", async () => {
    const tenant = await newTenant();
    const foreign = await post(tenant, { headers: { ...headers, origin: "https://evil.example" } });
    expect(foreign.status).toBe(403);
    const own = await post(tenant, { headers: { ...headers, origin: gateway.baseUrl } });
    expect(own.status).toBe(200);
  });

  it("405 for a stream of its own and for ending a session that is none", async () => {
    const tenant = await newTenant();
    for (const method of ["GET", "DELETE"]) {
      const answer = await send(method, "/mcp", { key: tenant.apiKey, headers });
      expect(answer.status).toBe(405);
      expect(answer.headers.get("allow")).toBe("POST");
    }
  });

  it("429 with the wait as a JSON-RPC error when the tenant's limit is used up", async () => {
    const tenant = await newTenant({
      policy: { limits: { requests: [{ limit: 1, window_s: 3600, burst: 1 }] } },
    });
    const body = {
      ...message,
      method: "tools/call",
      params: { name: "get_weather", arguments: { city: "Paris" } },
    };
    const answers = [await post(tenant, { body }), await post(tenant, { body })];
    expect(answers[1]?.text).toContain('"quota_exceeded"');
    expect(answers[1]?.text).toContain('"retry_after_ms"');
  });
});

describe("one gateway behind another", () => {
  it("is an MCP server of revision 2026-07-28 like any other", async () => {
    const inner = await newTenant();
    const outer = await newTenant({ tools: {} });
    const { host } = new URL(gateway.baseUrl);
    await outer.call("PUT", "/v1/secrets/inner", { value: inner.apiKey, hosts: [host] });
    const put = await outer.call("PUT", "/v1/mcp-servers/inner", {
      url: `${gateway.baseUrl}/mcp`,
      headers: { authorization: "Bearer {{secret.inner}}" },
    });
    expect(put).toMatchObject({ status: "ready", negotiated: "2026-07-28" });
    const run = await outer.call("POST", "/v1/runs", {
      calls: [{ tool: "inner__get_weather", arguments: { city: "Rome" } }],
    });
    expect(listOf(run, "results")[0]).toMatchObject({
      status: "succeeded",
      output: { city: "Rome" },
    });
  });
});
