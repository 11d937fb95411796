/** API keys over the wire: who gets in, with what rights, for how long, and what is never told. */

import { describe, expect, it } from "vitest";

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../../dev/http/json.ts";
import { mintKeyText } from "../../src/tenancy/key-format.ts";
import { gateway, newTenant, plain, send, type TestTenant, type WireAnswer } from "./scene.ts";

const RUN = { calls: [{ tool: "wait", arguments: { ms: 1 } }] };

function run(key: string, body: object = RUN): Promise<WireAnswer> {
  return send("POST", "/v1/runs", { key, body });
}

interface MintedKey {
  readonly id: string;
  readonly key: string;
}

function minted(answer: UnknownObject): MintedKey {
  return { id: textOf(answer, "id") ?? "", key: textOf(answer, "key") ?? "" };
}

async function mint(tenant: TestTenant, body: object = {}): Promise<MintedKey> {
  const wanted = { name: "made", scopes: ["run"], ...body };
  return minted(await tenant.call("POST", "/v1/keys", wanted));
}

/** A body without what belongs to the one request. */
function withoutInstance(answer: WireAnswer): UnknownObject {
  const { instance: _instance, ...rest } = answer.json;
  return rest;
}

describe("bootstrap", () => {
  it("410 the second time, 401 for a wrong secret", async () => {
    const secret = gateway.bootstrapSecret;
    expect((await send("POST", "/v1/bootstrap", { body: { secret } })).status).toBe(410);
    const wrong = await send("POST", "/v1/bootstrap", { body: { secret: `${secret}x` } });
    expect(wrong.status).toBe(401);
    expect((await send("POST", "/v1/bootstrap", { body: { secret: "" } })).status).toBe(400);
  });
});

describe("a key that does not work", () => {
  it("401 with one body for missing, malformed, unknown and revoked ones", async () => {
    const tenant = await newTenant();
    const revoked = await mint(tenant);
    expect((await run(revoked.key)).status).toBe(200);
    await tenant.call("DELETE", `/v1/keys/${revoked.id}`);
    const erased = await newTenant();
    await send("DELETE", `/v1/tenants/${erased.tenantId}`, { key: gateway.operatorKey });
    const answers = [
      await send("POST", "/v1/runs", { body: RUN }),
      await run("sk-not-ours"),
      await run(`${tenant.apiKey.slice(0, -1)}${tenant.apiKey.endsWith("a") ? "b" : "a"}`),
      await run(erased.apiKey),
      await run(revoked.key),
    ];
    for (const answer of answers) {
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(withoutInstance(answer)).toEqual(withoutInstance(answers[0] ?? answer));
    }
  });

  it("401 once a key has expired", async () => {
    const tenant = await newTenant();
    const expires = new Date(Date.now() + 1200).toISOString();
    const { key } = await mint(tenant, { expires_at: expires });
    expect((await run(key)).status).toBe(200);
    await expect.poll(async () => (await run(key)).status, { timeout: 4000 }).toBe(401);
    const past = { name: "past", scopes: ["run"], expires_at: "2020-01-01T00:00:00Z" };
    const refused = await send("POST", "/v1/keys", { key: tenant.apiKey, body: past });
    expect(refused.status).toBe(422);
  });

  it("429 for an address that tries too many unknown keys, while others go on", async () => {
    const tenant = await newTenant();
    // The platform sets this header; on a direct socket nobody does, so the test gives itself an address of its own.
    const headers = { "cf-connecting-ip": `198.51.100.${1 + (process.pid % 250)}` };
    const tryKeys = (count: number) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const key = mintKeyText("us", "test");
          return (await send("GET", "/v1/tools", { key, headers })).status;
        }),
      );
    const statuses: number[] = [];
    // 600 a minute may pass; the minute may change while they are tried.
    while (!statuses.includes(429) && statuses.length < 1400) statuses.push(...(await tryKeys(50)));
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(600);
    expect(statuses).toContain(429);
    const fresh = await mint(tenant);
    const shielded = await send("POST", "/v1/runs", { key: fresh.key, body: RUN, headers });
    expect(shielded.status).toBe(429);
    expect(Number(shielded.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await run(fresh.key)).status).toBe(200);
  });
});

describe("scopes", () => {
  it("403 for what a key may not do, naming the scope", async () => {
    const tenant = await newTenant();
    const reader = await mint(tenant, { scopes: ["tools:read"] });
    const refused = await run(reader.key);
    expect([refused.status, textOf(refused.json, "code")]).toEqual([403, "insufficient_scope"]);
    expect(textOf(refused.json, "detail")).toContain("run");
    expect((await send("GET", "/v1/tools", { key: reader.key })).status).toBe(200);
    const runner = await mint(tenant);
    for (const [method, path] of [
      ["GET", "/v1/keys"],
      ["GET", "/v1/policy"],
      ["GET", "/v1/secrets"],
      ["GET", "/v1/upstreams"],
      ["DELETE", "/v1/tools/wait"],
      ["GET", "/v1/tenants"],
    ] as const) {
      expect((await send(method, path, { key: runner.key })).status).toBe(403);
    }
  });

  it("403 for a tenant's key at operator routes, and for the operator's at a tenant's", async () => {
    const tenant = await newTenant();
    for (const [method, path] of [
      ["GET", "/v1/tenants"],
      ["POST", "/v1/tenants"],
      ["GET", `/v1/tenants/${tenant.tenantId}`],
      ["PATCH", `/v1/tenants/${tenant.tenantId}`],
      ["DELETE", `/v1/tenants/${tenant.tenantId}`],
    ] as const) {
      const body = method === "GET" || method === "DELETE" ? {} : { body: { name: "x" } };
      expect((await send(method, path, { key: tenant.apiKey, ...body })).status).toBe(403);
    }
    expect((await run(gateway.operatorKey)).status).toBe(403);
    expect((await send("GET", "/v1/keys", { key: gateway.operatorKey })).status).toBe(403);
  });

  it("403 for minting more than the minting key may do", async () => {
    const tenant = await newTenant();
    const admin = await mint(tenant, { scopes: ["tenant:admin", "run"], tools: ["wait"] });
    const ask = (body: object) => send("POST", "/v1/keys", { key: admin.key, body });
    expect((await ask({ name: "a", scopes: ["privacy"] })).status).toBe(403);
    expect((await ask({ name: "b", scopes: ["run"], tools: ["broken"] })).status).toBe(403);
    const made = await ask({ name: "c", scopes: ["run"] });
    expect(made.status).toBe(201);
    const weather = { calls: [{ tool: "get_weather", arguments: { city: "Oslo" } }] };
    expect((await run(minted(made.json).key, weather)).status).toBe(422);
  });
});

describe("a key's tools", () => {
  it("are all it can run, offer to a model, or name", async () => {
    const tenant = await newTenant();
    const { key } = await mint(tenant, { tools: ["wait"] });
    expect((await run(key)).status).toBe(200);
    const other = await run(key, { calls: [{ tool: "get_weather", arguments: { city: "Oslo" } }] });
    expect(other.status).toBe(422);
    const chat = await send("POST", "/v1/chat/completions", {
      key,
      body: { model: "scripted-1", messages: [{ role: "user", content: "hi" }] },
      headers: { "x-gw-tools": "get_weather" },
    });
    expect(chat.status).toBe(400);
  });
});

describe("rotation", () => {
  it("lets the old key work beside its successor for the overlap, then no more", async () => {
    const tenant = await newTenant();
    const old = await mint(tenant, { tools: ["wait"] });
    const rotated = await tenant.call("POST", `/v1/keys/${old.id}/rotate`, { overlap_s: 2 });
    const successor = minted(rotated);
    expect(successor.key).not.toBe(old.key);
    expect((await run(old.key)).status).toBe(200);
    expect((await run(successor.key)).status).toBe(200);
    const other = { calls: [{ tool: "get_weather", arguments: { city: "Oslo" } }] };
    expect((await run(successor.key, other)).status).toBe(422);
    await expect.poll(async () => (await run(old.key)).status, { timeout: 8000 }).toBe(401);
    expect((await run(successor.key)).status).toBe(200);
  });

  it("with overlap 0 ends the old key at once", async () => {
    const tenant = await newTenant();
    const old = await mint(tenant);
    expect((await run(old.key)).status).toBe(200);
    await tenant.call("POST", `/v1/keys/${old.id}/rotate`, { overlap_s: 0 });
    expect((await run(old.key)).status).toBe(401);
    const again = await send("POST", `/v1/keys/${old.id}/rotate`, { key: tenant.apiKey });
    expect(again.status).toBe(409);
  });
});

describe("what is told of keys", () => {
  it("is never their text again: the list has a hint, rights and last use", async () => {
    const tenant = await newTenant();
    const { id, key } = await mint(tenant, { limits: { concurrent_runs: 3 } });
    await run(key);
    const listed = await send("GET", "/v1/keys?limit=100", { key: tenant.apiKey });
    expect(listed.text).not.toContain(key);
    expect(listed.text).not.toContain(tenant.apiKey);
    const own = listOf(listed.json, "data")
      .filter(isObject)
      .find((one) => one["id"] === id);
    expect(own).toMatchObject({ name: "made", scopes: ["run"], limits: { concurrent_runs: 3 } });
    expect(textOf(own ?? {}, "hint")).toContain(key.slice(-4));
    expect(textOf(own ?? {}, "last_used_at")).not.toBeNull();
  });

  it("comes in pages", async () => {
    const tenant = await newTenant();
    for (let n = 0; n < 4; n += 1) await mint(tenant);
    const seen: unknown[] = [];
    let after = "";
    for (let page = 0; page < 5; page += 1) {
      const answer = await send("GET", `/v1/keys?limit=2${after}`, { key: tenant.apiKey });
      seen.push(...listOf(answer.json, "data").map((one) => plain(one)["id"]));
      if (answer.json["has_more"] !== true) break;
      after = `&after=${textOf(answer.json, "next") ?? ""}`;
    }
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
    const bad = await send("GET", "/v1/keys?limit=101", { key: tenant.apiKey });
    expect(bad.status).toBe(400);
  });

  it("404 for a key of another tenant, as for one that never was", async () => {
    const tenant = await newTenant();
    const other = await newTenant();
    for (const id of [other.keyId, "key_nonsense"]) {
      expect((await send("DELETE", `/v1/keys/${id}`, { key: tenant.apiKey })).status).toBe(404);
      const rotated = await send("POST", `/v1/keys/${id}/rotate`, { key: tenant.apiKey });
      expect(rotated.status).toBe(404);
    }
    expect((await run(other.apiKey)).status).toBe(200);
    expect(objectOf((await run(other.apiKey)).json, "usage")).toMatchObject({ calls: 1 });
  });
});
