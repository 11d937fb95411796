import { describe, expect, inject, it } from "vitest";

import { McpExchange } from "../../../src/upstream/mcp/exchange.ts";
import { callMcpTool, type McpCallOptions } from "../../../src/upstream/mcp/call-tool.ts";
import { listMcpTools } from "../../../src/upstream/mcp/list-tools.ts";

const origin = inject("servers")["mcp"] ?? "";
let made = 0;

async function farTarget(state: object) {
  made += 1;
  const base = `${origin}/unit-${Date.now().toString(36)}-${String(made)}`;
  const control = (patch: object) =>
    fetch(`${base}/control`, { method: "POST", body: JSON.stringify(patch) });
  await control(state);
  const target = { sessionKey: base, url: `${base}/mcp`, protocol: "auto" as const };
  const stats = async () => {
    const seen: Record<string, unknown> = await (await fetch(`${base}/stats`)).json();
    return seen;
  };
  return { target, control, stats };
}

function options(more: Partial<McpCallOptions> = {}): McpCallOptions {
  return {
    headers: {},
    allowLoopback: true,
    maxBytes: 100_000,
    defer: () => undefined,
    timeoutMs: 5000,
    idleTimeoutMs: 2000,
    onListChanged: () => undefined,
    onProgress: () => undefined,
    onAttempt: () => undefined,
    ...more,
  };
}

const call = (tool: string, args = {}) => ({ tool, arguments: args, input: { type: "object" } });
const alone = () => new AbortController().signal;

describe("callMcpTool", () => {
  for (const era of ["modern", "session", "stateless"]) {
    it(`connects, calls, and goes on with the session (${era})`, async () => {
      const { target, stats } = await farTarget({ era });
      for (const text of ["a", "b"]) {
        expect(await callMcpTool(target, call("echo", { text }), options(), alone())).toMatchObject(
          {
            ok: true,
            value: { content: [{ type: "text", text }], isError: false },
          },
        );
      }
      const { methods } = await stats();
      expect(methods).toMatchObject({ "tools/call": 2 });
      expect(methods).toHaveProperty(era === "modern" ? ["server/discover"] : ["initialize"], 1);
    });
  }

  it("starts one new session when the server has lost it, and gives up when that one is lost too", async () => {
    const { target, control, stats } = await farTarget({ era: "session" });
    await callMcpTool(target, call("echo", { text: "a" }), options(), alone());
    await control({ forget: true });
    const again = await callMcpTool(target, call("echo", { text: "b" }), options(), alone());
    expect(again).toMatchObject({ ok: true });
    expect((await stats())["methods"]).toMatchObject({ initialize: 2, "tools/call": 3 });
    await control({ forget: true, fault: "status" });
    const down = await callMcpTool(target, call("echo", { text: "c" }), options(), alone());
    expect(down).toMatchObject({
      ok: false,
      error: { kind: "status", status: 503, retryAfterMs: 7000, sent: true },
    });
  });

  it("calls once where there is no session to lose, also when the server refuses the request", async () => {
    const { target, stats } = await farTarget({ era: "stateless" });
    await callMcpTool(target, call("echo", { text: "a" }), options(), alone());
    const refused = await callMcpTool(target, call("refuses"), options(), alone());
    expect(refused).toMatchObject({ ok: false, error: { kind: "status", status: 400 } });
    expect((await stats())["methods"]).toMatchObject({ "tools/call": 2 });
  });

  it("takes no call for the notice of a cancel, whatever its arguments are called", async () => {
    const { target } = await farTarget({ era: "session" });
    const args = { method: "notifications/cancelled", text: "a" };
    const answered = await callMcpTool(target, call("echo", args), options(), alone());
    expect(answered).toMatchObject({ ok: true, value: { content: [{ type: "text", text: "a" }] } });
  });

  it("reports every end as data", async () => {
    const { target } = await farTarget({ era: "session" });
    const ends = {
      rpc_error: { kind: "rpc_error", rpcCode: -32602 },
      garbage: { kind: "invalid_response" },
      garbage_stream: { kind: "invalid_response" },
      ends: { kind: "unreachable" },
      huge: { kind: "too_large", maxBytes: 100_000 },
      huge_stream: { kind: "too_large" },
      busy: { kind: "status", status: 429, retryAfterMs: 2000 },
    };
    for (const [tool, error] of Object.entries(ends)) {
      const ended = await callMcpTool(target, call(tool), options(), alone());
      expect(ended, tool).toMatchObject({ ok: false, error });
    }
  });

  it("gives up after silence, and tells the server", async () => {
    const { target, stats } = await farTarget({ era: "session" });
    const deferred: Promise<unknown>[] = [];
    const patience = options({ idleTimeoutMs: 100, defer: (work) => void deferred.push(work) });
    const ended = await callMcpTool(target, call("hang"), patience, alone());
    expect(ended).toMatchObject({ ok: false, error: { kind: "timeout", sent: true } });
    await Promise.all(deferred);
    await expect.poll(stats).toMatchObject({ methods: { "notifications/cancelled": 1 }, open: 0 });
  });

  it("ends when its caller goes, before and after it was sent", async () => {
    const { target, stats } = await farTarget({ era: "modern" });
    const early = await callMcpTool(target, call("echo"), options(), AbortSignal.abort());
    expect(early).toMatchObject({ ok: false, error: { kind: "cancelled", sent: false } });
    const leaving = new AbortController();
    const late = callMcpTool(
      target,
      call("hang"),
      options({ onAttempt: () => void setTimeout(() => leaving.abort(), 100) }),
      leaving.signal,
    );
    expect(await late).toMatchObject({ ok: false, error: { kind: "cancelled", sent: true } });
    await expect.poll(stats).toMatchObject({ open: 0 });
  });

  it("hears that the list has changed", async () => {
    const { target } = await farTarget({ era: "stateless" });
    let heard = 0;
    await callMcpTool(
      target,
      call("changed"),
      options({ onListChanged: () => (heard += 1) }),
      alone(),
    );
    expect(heard).toBe(1);
  });
});

describe("listMcpTools", () => {
  it("brings all pages and how long they are good for", async () => {
    const { target } = await farTarget({ ttlMs: 1234 });
    const listed = await listMcpTools(target, options(), alone());
    expect(listed).toMatchObject({ ok: true, value: { protocol: "2026-07-28", ttlMs: 1234 } });
    expect(listed.ok && listed.value.tools.length).toBeGreaterThan(10);
  });

  it("stops at the byte that is too many", async () => {
    const { target } = await farTarget({ fault: "huge_list" });
    const legacy = { ...target, protocol: "2025-11-25" as const };
    expect(await listMcpTools(legacy, options(), alone())).toMatchObject({
      ok: false,
      error: { kind: "too_large" },
    });
  });
});

describe("McpExchange", () => {
  it("refuses an address, a header and a stream nobody asked for", async () => {
    const refusing = (more: object) => new McpExchange({ ...options(), ...more }, alone());
    const egress = refusing({ allowLoopback: false });
    await expect(egress.fetch(`${origin}/x/mcp`, { method: "POST" })).rejects.toThrow("ended");
    expect(egress.failure).toMatchObject({ kind: "egress_refused", sent: false });
    const header = refusing({ headers: { "cf-connecting-ip": "1.1.1.1" } });
    await expect(header.fetch(`${origin}/x/mcp`, { method: "POST" })).rejects.toThrow("ended");
    expect(header.failure).toMatchObject({ kind: "request_refused" });
    expect((await refusing({}).fetch(`${origin}/x/mcp`, { method: "GET" })).status).toBe(405);
  });
});
