/** Tenants over the wire: walls between them, the operator's ceiling, and an erasure that leaves nothing. */

import { describe, expect, it } from "vitest";

import { listOf, objectOf, textOf } from "../../dev/http/json.ts";
import { gateway, newTenant, plain, send, servers, unique } from "./scene.ts";

const operator = { key: gateway.operatorKey };
const RUN = { calls: [{ tool: "wait", arguments: { ms: 1 } }] };

describe("two tenants", () => {
  it("see nothing of each other: tools, upstreams, secrets, policy", async () => {
    const mine = await newTenant();
    const theirs = await newTenant();
    const { host } = new URL(servers.tools);
    await theirs.call("PUT", "/v1/secrets/only_theirs", { value: "x", hosts: [host] });
    const definition = await theirs.call("GET", "/v1/tools/wait");
    const { name: _name, version: _version, ...tool } = definition;
    await theirs.call("PUT", "/v1/tools/only_theirs", tool);
    await theirs.call("PATCH", "/v1/policy", { runs: { max_turns: 3 } });

    const get = (path: string) => send("GET", path, { key: mine.apiKey });
    expect((await get("/v1/tools/only_theirs")).status).toBe(404);
    expect((await send("DELETE", "/v1/secrets/only_theirs", { key: mine.apiKey })).status).toBe(
      404,
    );
    for (const path of ["/v1/tools?limit=100", "/v1/secrets", "/v1/upstreams", "/v1/keys"]) {
      const listed = await get(path);
      expect(listed.status).toBe(200);
      expect(listed.text).not.toContain("only_theirs");
    }
    const policy = objectOf((await get("/v1/policy")).json, "runs");
    expect(policy["max_turns"]).not.toBe(3);
    const run = await send("POST", "/v1/runs", {
      key: mine.apiKey,
      body: { calls: [{ tool: "only_theirs", arguments: { ms: 1 } }] },
    });
    expect(run.status).toBe(422);
  });
});

describe("the operator", () => {
  it("creates, reads, lists and changes tenants; strict about what it is sent", async () => {
    const name = unique("tenant");
    const made = await send("POST", "/v1/tenants", {
      ...operator,
      body: { name, region_hint: "eu", limits: { concurrent_runs: 50 } },
    });
    expect(made.status).toBe(201);
    expect(made.headers.get("cache-control")).toBe("no-store");
    const tenant = objectOf(made.json, "tenant");
    const id = textOf(tenant, "id") ?? "";
    expect(textOf(objectOf(made.json, "key"), "key")).toMatch(
      /^tfe_(live|test)_eu_[0-9A-Za-z]{36}$/,
    );
    const read = await send("GET", `/v1/tenants/${id}`, operator);
    expect(read.json).toEqual(tenant);
    const path = `/v1/tenants/${id}`;
    const patched = await send("PATCH", path, { ...operator, body: { name: `${name}2` } });
    expect(patched.json).toMatchObject({ name: `${name}2`, limits: { concurrent_runs: 50 } });
    const refused = await send("PATCH", path, { ...operator, body: { residency: "eu" } });
    expect(refused.status).toBe(400);
    const unknown = await send("POST", "/v1/tenants", {
      ...operator,
      body: { name, colour: "red" },
    });
    expect([unknown.status, listOf(unknown.json, "violations").length]).toEqual([400, 1]);
    expect((await send("GET", "/v1/tenants/ten_nonsense", operator)).status).toBe(404);
    const listed = await send("GET", "/v1/tenants?limit=1", operator);
    expect(listOf(listed.json, "data")).toHaveLength(1);
    expect(listed.json["has_more"]).toBe(true);
  });

  it("sets a ceiling that cuts a new policy and refuses more with 422 and the pointer", async () => {
    const tenant = await newTenant({
      tenant: { limits: { concurrent_runs: 2, requests: [{ limit: 30, window_s: 60 }] } },
    });
    const policy = await tenant.call("GET", "/v1/policy");
    expect(objectOf(policy, "limits")).toMatchObject({
      concurrent_runs: 2,
      requests: [{ limit: 30, window_s: 60 }],
    });
    const above = await send("PATCH", "/v1/policy", {
      key: tenant.apiKey,
      body: { limits: { concurrent_runs: 3, requests: [{ limit: 31, window_s: 60 }] } },
    });
    expect(above.status).toBe(422);
    const pointers = listOf(above.json, "violations").map((one) => plain(one)["pointer"]);
    expect(pointers).toEqual(["/limits/requests/0/limit", "/limits/concurrent_runs"]);
    const below = await send("PATCH", "/v1/policy", {
      key: tenant.apiKey,
      body: { limits: { concurrent_runs: 1 } },
    });
    expect(below.status).toBe(200);
  });

  it("holds a tenant to a ceiling that was lowered later", async () => {
    const tenant = await newTenant();
    const path = `/v1/tenants/${tenant.tenantId}`;
    const limits = { requests: [{ limit: 2, window_s: 600 }] };
    await send("PATCH", path, { ...operator, body: { limits } });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      statuses.push((await send("POST", "/v1/runs", { key: tenant.apiKey, body: RUN })).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
  });

  it("erases a tenant: its keys end, a signed receipt counts what went, nothing is found again", async () => {
    const tenant = await newTenant();
    const { host } = new URL(servers.tools);
    await tenant.call("PUT", "/v1/secrets/one", { value: "secret", hosts: [host] });
    const second = await tenant.call("POST", "/v1/keys", { name: "second", scopes: ["run"] });
    const path = `/v1/tenants/${tenant.tenantId}`;
    const receipt = await send("DELETE", path, operator);
    expect(receipt.status).toBe(200);
    expect(receipt.json).toMatchObject({
      tenant: tenant.tenantId,
      stores: {
        tenant: { keys: 2, tools: 4, upstreams: 1, secrets: 1 },
        key_directory: { keys: 2 },
        run_journal: { runs: 0 },
      },
    });
    expect(textOf(objectOf(receipt.json, "signature"), "value")).toMatch(/^[\w-]{43}$/);
    for (const key of [tenant.apiKey, textOf(second, "key") ?? ""]) {
      expect((await send("POST", "/v1/runs", { key, body: RUN })).status).toBe(401);
      expect((await send("GET", "/v1/tools", { key })).status).toBe(401);
    }
    expect((await send("GET", path, operator)).status).toBe(404);
    expect((await send("DELETE", path, operator)).status).toBe(404);
  });
});
