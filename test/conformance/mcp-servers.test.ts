/** A tenant's remote MCP servers, from registration to calls, on both revisions. */

import { describe, expect, it } from "vitest";

import { listOf, textOf } from "../../dev/http/json.ts";
import { callTool, chat, saidBy } from "./field-scene.ts";
import { farServer, listedTool, tenantWithServer } from "./mcp-scene.ts";
import { becomes, newTenant, plain, send } from "./scene.ts";

const ERAS = [
  { era: "modern", protocol: "2026-07-28" },
  { era: "session", protocol: "2025-11-25" },
  { era: "stateless", protocol: "2025-11-25" },
] as const;

describe("PUT /v1/mcp-servers/{label}", () => {
  for (const { era, protocol } of ERAS) {
    it(`201 with every tool the server lists (${era})`, async () => {
      const far = await farServer({ era });
      const tenant = await newTenant({ tools: {} });
      const put = await send("PUT", "/v1/mcp-servers/far", {
        key: tenant.apiKey,
        body: { url: far.url },
      });
      expect(put.status).toBe(201);
      expect(put.json).toMatchObject({ status: "ready", negotiated: protocol, error: null });
      expect(await listedTool(tenant, "echo")).toMatchObject({
        name: "far__echo",
        offered: true,
        effect: "write",
        annotations: { readOnlyHint: true },
      });
      const tools = await tenant.call("GET", "/v1/tools?limit=100");
      const names = listOf(tools, "data").map((tool) => textOf(plain(tool), "name") ?? "");
      expect(names).toContain("far__add");
      expect(names).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
      const one = await tenant.call("GET", "/v1/tools/far__add");
      expect(one).toMatchObject({ mcp: { server: "far", tool: "add" }, effect: "write" });
    });
  }
});

describe("a call of an MCP tool", () => {
  for (const { era } of ERAS) {
    it(`succeeds, and a warm session needs one request a call (${era})`, async () => {
      const far = await farServer({ era });
      const tenant = await tenantWithServer(far);
      const handshakes = async () =>
        (await far.count("initialize")) + (await far.count("server/discover"));
      const before = await handshakes();
      for (let n = 0; n < 3; n += 1) {
        expect(await callTool(tenant, "far__add", { a: n, b: 1 })).toMatchObject({
          status: "succeeded",
          output: { sum: n + 1 },
          attempts: 1,
        });
      }
      expect(await handshakes()).toBe(before);
      expect(await far.count("tools/call")).toBe(3);
      const { progressTokens, others } = await far.stats();
      expect(progressTokens).toEqual([expect.anything(), expect.anything(), expect.anything()]);
      expect(others).toEqual([]);
    });
  }

  it("is offered to models and run for them", async () => {
    const far = await farServer();
    const tenant = await tenantWithServer(far);
    const calls = [{ name: "far__echo", arguments: { text: "hello there" } }];
    const answer = await chat(tenant, [{ calls }, { text: "{{result}}" }]);
    expect(answer.status).toBe(200);
    expect(saidBy(answer).code).toBeNull();
    expect(await far.count("tools/call")).toBe(1);
  });

  it("starts a new session, once, when the server has lost it", async () => {
    const far = await farServer({ era: "session" });
    const tenant = await tenantWithServer(far);
    await far.control({ forget: true });
    expect(await callTool(tenant, "far__echo", { text: "a" })).toMatchObject({ output: "a" });
    expect(await far.count("initialize")).toBe(2);
    expect(await callTool(tenant, "far__echo", { text: "b" })).toMatchObject({ output: "b" });
    expect(await far.count("initialize")).toBe(2);
  });

  it("lives on while there is progress, and ends when there is none", async () => {
    const far = await farServer();
    const tenant = await tenantWithServer(far, { idle_timeout_ms: 300, timeout_ms: 3000 });
    const steps = { ms: 150, steps: 6 };
    expect(await callTool(tenant, "far__steps", steps)).toMatchObject({ output: "done" });
    const startedAt = Date.now();
    expect(await callTool(tenant, "far__hang")).toMatchObject({
      status: "outcome_unknown",
      error: { code: "tool_timeout" },
    });
    expect(Date.now() - startedAt).toBeLessThan(2500);
  });

  it("ends at its total, progress or not", async () => {
    const far = await farServer({ era: "session" });
    const tenant = await tenantWithServer(far, {
      timeout_ms: 500,
      tools: { steps: { effect: "read" } },
    });
    const result = await callTool(tenant, "far__steps", { ms: 100, steps: 100 });
    expect(result).toMatchObject({ status: "timeout", error: { code: "tool_timeout" } });
    expect(await becomes(async () => (await far.stats())["open"] === 0, 3000)).toBe(true);
  });

  it("tells the server when it is cancelled, and closes what is open", async () => {
    const far = await farServer({ era: "session" });
    const tenant = await tenantWithServer(far);
    const leave = new AbortController();
    const body = { calls: [{ tool: "far__hang" }], stream: true };
    const leaving = send("POST", "/v1/runs", {
      key: tenant.apiKey,
      body,
      signal: leave.signal,
    }).catch(() => "left");
    expect(await becomes(async () => (await far.count("tools/call")) === 1, 3000)).toBe(true);
    leave.abort();
    expect(await leaving).toBe("left");
    const isTold = async () =>
      (await far.stats())["open"] === 0 && (await far.count("notifications/cancelled")) === 1;
    expect(await becomes(isTold, 5000)).toBe(true);
  });

  it("sends the tenant's sealed credentials, and only to the host they are for", async () => {
    const far = await farServer({ authorization: "Bearer s3cret-token" });
    const tenant = await newTenant({ tools: {} });
    const { host } = new URL(far.url);
    const server = { url: far.url, headers: { authorization: "Bearer {{secret.far}}" } };
    const refused = await tenant.call("PUT", "/v1/mcp-servers/far", server);
    expect(refused).toMatchObject({ status: "failing", error: { code: "secret_unavailable" } });
    await tenant.call("PUT", "/v1/secrets/far", { value: "s3cret-token", hosts: [host] });
    const ready = await tenant.call("PUT", "/v1/mcp-servers/far", server);
    expect(ready).toMatchObject({ status: "ready" });
    expect(await callTool(tenant, "far__echo", { text: "x" })).toMatchObject({ output: "x" });
    const echoed = await callTool(tenant, "far__echo", { text: "my s3cret-token" });
    expect(echoed).toMatchObject({ output: "my [secret]" });
  });
});

describe("what an MCP tool answers", () => {
  const CASES: readonly [string, object][] = [
    ["far__refuse", { status: "failed", error: { code: "tool_error", message: "no such city" } }],
    ["far__rpc_error", { status: "failed", error: { code: "mcp_error" } }],
    ["far__busy", { status: "rate_limited", error: { retry_after_ms: 2000 } }],
    ["far__garbage", { status: "failed", error: { code: "result_invalid" } }],
    ["far__garbage_stream", { status: "failed", error: { code: "result_invalid" } }],
    ["far__ends", { status: "outcome_unknown", error: { code: "upstream_unreachable" } }],
    ["far__huge", { status: "failed", error: { code: "result_too_large" } }],
    ["far__huge_stream", { status: "failed", error: { code: "result_too_large" } }],
    ["far__deep", { status: "failed", error: { code: "result_invalid" } }],
    ["far__wrong_sum", { status: "failed", error: { code: "result_invalid" } }],
  ];
  for (const { era } of ERAS.slice(0, 2)) {
    for (const [tool, end] of CASES) {
      it(`${tool} ends with a name and in time (${era})`, async () => {
        const far = await farServer({ era });
        const tenant = await tenantWithServer(far);
        const startedAt = Date.now();
        expect(await callTool(tenant, tool)).toMatchObject(end);
        expect(Date.now() - startedAt).toBeLessThan(8000);
        expect(await becomes(async () => (await far.stats())["open"] === 0, 3000)).toBe(true);
      });
    }
  }

  it("is its text, with what is no text named", async () => {
    const tenant = await tenantWithServer(await farServer());
    const { output } = await callTool(tenant, "far__picture");
    expect(String(output).split("\n")).toEqual([
      "a map",
      "[image image/png, 3 bytes, not shown]",
      "[resource doc: file:///doc]",
      "inside",
      "[resource file:///b, 6 bytes, not shown]",
    ]);
  });
});
