import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

const UPSTREAM = {
  kind: "openai",
  models: "*",
  targets: [{ id: "main", base_url: "https://api.example.com/v1" }],
};
const TOOL = {
  description: "Adds",
  input: { type: "object", properties: { expression: { type: "string" } } },
  builtin: "calculator",
  effect: "pure",
};

async function tenantWithUpstream() {
  const tenant = await newTestTenant();
  await call("PUT /v1/upstreams/provider", { key: tenant.key, body: UPSTREAM });
  await call("PUT /v1/tools/add", { key: tenant.key, body: TOOL });
  return tenant;
}

describe("/v1/breakers", () => {
  it("200 with an empty list while nothing has failed, then with what has", async () => {
    const { key, record } = await tenantWithUpstream();
    expect(await (await call("GET /v1/breakers", { key })).json()).toEqual({ data: [] });
    const gate = env.TENANT_GATE.getByName(record.tenantId ?? "");
    const none = { good: 0, timedOut: 0, limited: 0, baseline: null, holdMs: 0, answers: [] };
    await gate.breakers({ targets: [{ target: "provider@main", bad: 5, ...none }] });
    const listed = await (await call("GET /v1/breakers", { key })).json();
    expect(listed).toMatchObject({
      data: [{ name: "provider@main", state: "open", cause: "failures", openings: 1 }],
    });
  });

  it("200 for forcing an upstream, one of its targets, or a tool, and letting it go", async () => {
    const { key } = await tenantWithUpstream();
    for (const [name, breaker] of [
      ["provider", "provider@main"],
      ["provider@main", "provider@main"],
      ["tool:add", "tool:add"],
    ]) {
      for (const [force, state] of [
        ["open", "forced_open"],
        ["closed", "forced_closed"],
        ["auto", "closed"],
      ]) {
        const answer = await call(`POST /v1/breakers/${name}`, { key, body: { force } });
        expect(answer.status).toBe(200);
        expect(await answer.json()).toMatchObject({ data: [{ name: breaker, state }] });
      }
    }
  });

  it("404 for an upstream nobody knows, 400 for a word nobody knows", async () => {
    const { key } = await tenantWithUpstream();
    for (const name of ["absent", "provider@absent", "tool:absent", "mcp:absent", "tool:"]) {
      const answer = await call(`POST /v1/breakers/${name}`, { key, body: { force: "open" } });
      expect(answer.status).toBe(404);
    }
    const bad = await call("POST /v1/breakers/provider", { key, body: { force: "ajar" } });
    expect(bad.status).toBe(400);
  });

  it("403 without the right to", async () => {
    const { key: admin } = await tenantWithUpstream();
    const made = await call("POST /v1/keys", { key: admin, body: { name: "k", scopes: ["run"] } });
    const { key } = await made.json<{ key: string }>();
    expect((await call("GET /v1/breakers", { key })).status).toBe(403);
  });
});
