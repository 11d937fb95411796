import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";

import { call } from "../support/http-call.ts";
import { newTestTenant } from "../support/tenants.ts";

let operator = "";

beforeAll(async () => {
  const made = await call("POST /v1/bootstrap", { body: { secret: env.BOOTSTRAP_SECRET } });
  ({ key: operator } = await made.json<{ key: string }>());
});

/** A key of the tenant with these scopes only. */
async function keyWith(admin: string, ...scopes: string[]): Promise<string> {
  const made = await call("POST /v1/keys", { key: admin, body: { name: "k", scopes } });
  return (await made.json<{ key: string }>()).key;
}

describe("POST /v1/bootstrap", () => {
  it("401 for a wrong secret, 410 for the second time, 400 without one", async () => {
    const wrong = await call("POST /v1/bootstrap", { body: { secret: "not it, not at all" } });
    expect(wrong.status).toBe(401);
    const second = await call("POST /v1/bootstrap", { body: { secret: env.BOOTSTRAP_SECRET } });
    expect(second.status).toBe(410);
    expect((await call("POST /v1/bootstrap", { body: {} })).status).toBe(400);
    expect(operator).toMatch(/^tfe_/);
  });
});

describe("/v1/tenants", () => {
  it("201, 200, 200, 200, 404 through a tenant's life", async () => {
    const created = await call("POST /v1/tenants", { key: operator, body: { name: "Life" } });
    expect(created.status).toBe(201);
    expect(created.headers.get("cache-control")).toBe("no-store");
    const { tenant, key } = await created.json<{ tenant: { id: string }; key: { key: string } }>();
    expect(key.key).toMatch(/^tfe_test_us_/);

    const path = `/v1/tenants/${tenant.id}`;
    const read = await call(`GET ${path}`, { key: operator });
    expect(await read.json()).toMatchObject({ id: tenant.id, name: "Life", residency: "none" });
    const patched = await call(`PATCH ${path}`, { key: operator, body: { name: "New" } });
    expect(await patched.json()).toMatchObject({ name: "New" });
    const receipt = await call(`DELETE ${path}`, { key: operator });
    expect(await receipt.json()).toMatchObject({ tenant: tenant.id });
    expect((await call(`GET ${path}`, { key: operator })).status).toBe(404);
    expect((await call(`PATCH ${path}`, { key: operator, body: {} })).status).toBe(404);
    expect((await call(`DELETE ${path}`, { key: operator })).status).toBe(404);
  });

  it("200 with pages that together hold every tenant once", async () => {
    const ids = [await newTestTenant(), await newTestTenant(), await newTestTenant()].map(
      ({ tenant }) => tenant.id,
    );
    const seen: string[] = [];
    let after = "";
    do {
      const response = await call(`GET /v1/tenants?limit=2&after=${after}`, { key: operator });
      const page = await response.json<{ data: { id: string }[]; next: string | null }>();
      seen.push(...page.data.map(({ id }) => id));
      after = page.next ?? "";
    } while (after !== "");
    expect(new Set(seen).size).toBe(seen.length);
    for (const id of ids) expect(seen).toContain(id);
  });

  it.each(["limit=0", "limit=101", "limit=x", `after=${"x".repeat(129)}`])(
    "400 for ?%s",
    async (query) => {
      const response = await call(`GET /v1/tenants?${query}`, { key: operator });
      expect(response.status).toBe(400);
    },
  );

  it("400 with the pointer of an unknown field, of a processing that is not served", async () => {
    const body = { name: "x", processing: "jurisdiction", plan: "gold" };
    const response = await call("POST /v1/tenants", { key: operator, body });
    expect(response.status).toBe(400);
    const { violations } = await response.json<{ violations: { pointer: string }[] }>();
    expect(violations.map(({ pointer }) => pointer).toSorted()).toEqual(["/plan", "/processing"]);
    const patch = await call("PATCH /v1/tenants/x", { key: operator, body: { residency: "us" } });
    expect(patch.status).toBe(400);
  });

  it("403 for a tenant's key, and 403 for the operator's at a tenant's route", async () => {
    const { key } = await newTestTenant();
    const response = await call("GET /v1/tenants", { key });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "insufficient_scope" });
    expect((await call("GET /v1/keys", { key: operator })).status).toBe(403);
    expect((await call("POST /v1/runs", { key: operator, body: {} })).status).toBe(403);
  });
});

describe("/v1/keys", () => {
  it("201, 200, 201, 204 through a key's life", async () => {
    const { key } = await newTestTenant();
    const body = { name: "ci", scopes: ["run"] };
    const made = await call("POST /v1/keys", { key, body });
    expect(made.status).toBe(201);
    const { id } = await made.json<{ id: string }>();
    const listed = await call("GET /v1/keys", { key });
    const list = await listed.json<{ data: { id: string }[] }>();
    expect(list.data.map((item) => item.id)).toContain(id);
    expect(JSON.stringify(list)).not.toContain(key);
    const rotated = await call(`POST /v1/keys/${id}/rotate`, { key });
    expect(rotated.status).toBe(201);
    expect((await call(`DELETE /v1/keys/${id}`, { key })).status).toBe(204);
  });

  it("404 for another tenant's key, 400 for a bad body, 403 for more than the caller has", async () => {
    const mine = await newTestTenant();
    const other = await newTestTenant();
    const { key } = mine;
    expect((await call(`DELETE /v1/keys/${other.keyId}`, { key })).status).toBe(404);
    expect((await call(`POST /v1/keys/${other.keyId}/rotate`, { key })).status).toBe(404);
    expect((await call("POST /v1/keys", { key, body: { name: "x" } })).status).toBe(400);
    const rotate = await call(`POST /v1/keys/${mine.keyId}/rotate`, {
      key,
      body: { overlap_s: -1 },
    });
    expect(rotate.status).toBe(400);
    const few = await keyWith(key, "tenant:admin");
    const more = await call("POST /v1/keys", { key: few, body: { name: "x", scopes: ["run"] } });
    expect(more.status).toBe(403);
    expect((await call("GET /v1/keys?limit=x", { key })).status).toBe(400);
  });

  it("401 after its revocation, with the very body of an unknown key", async () => {
    const { key } = await newTestTenant();
    const made = await call("POST /v1/keys", {
      key,
      body: { name: "x", scopes: ["tenant:admin"] },
    });
    const second = await made.json<{ id: string; key: string }>();
    expect((await call("GET /v1/policy", { key: second.key })).status).toBe(200);
    await call(`DELETE /v1/keys/${second.id}`, { key });
    const ids = { "x-request-id": "same" };
    const revoked = await call("GET /v1/policy", { key: second.key, headers: ids });
    const unknown = await call("GET /v1/policy", { key: `${key.slice(0, -1)}_`, headers: ids });
    expect(revoked.status).toBe(401);
    expect(await revoked.text()).toBe(await unknown.text());
  });
});

describe("/v1/policy", () => {
  it("200 with the document and its version as a tag; 304 to who has it", async () => {
    const { key } = await newTestTenant();
    const response = await call("GET /v1/policy", { key });
    expect(response.headers.get("etag")).toBe('"1"');
    expect(response.headers.get("cache-control")).toBe("private, no-cache");
    expect(await response.json()).toMatchObject({ profile: "robust", runs: { max_turns: 8 } });
    const again = await call("GET /v1/policy", { key, headers: { "if-none-match": '"1"' } });
    expect(again.status).toBe(304);
  });

  it("200, 412 for a version that is gone, and back by a rollback", async () => {
    const { key } = await newTestTenant();
    const body = { runs: { max_turns: 2 } };
    const patched = await call("PATCH /v1/policy", { key, body, headers: { "if-match": '"1"' } });
    expect(patched.status).toBe(200);
    expect(patched.headers.get("etag")).toBe('"2"');
    expect(await patched.json()).toMatchObject({ runs: { max_turns: 2 } });
    const stale = await call("PATCH /v1/policy", { key, body, headers: { "if-match": '"1"' } });
    expect(stale.status).toBe(412);
    const foreign = await call("PATCH /v1/policy", { key, body, headers: { "if-match": '"abc"' } });
    expect(foreign.status).toBe(412);
    const back = await call("POST /v1/policy/rollback", { key, body: { version: 1 } });
    expect(await back.json()).toMatchObject({ runs: { max_turns: 8 } });
    const versions = await call("GET /v1/policy/versions", { key });
    const { data } = await versions.json<{ data: { version: number }[] }>();
    expect(data.map(({ version }) => version)).toEqual([3, 2, 1]);
  });

  it("400 with the pointer of a bad value, 404 for a version that never was, 400 for no JSON", async () => {
    const { key } = await newTestTenant();
    const bad = await call("PATCH /v1/policy", { key, body: { runs: { max_turns: "many" } } });
    expect(bad.status).toBe(400);
    expect(await bad.json()).toMatchObject({ violations: [{ pointer: "/runs/max_turns" }] });
    const body = { version: 99 };
    expect((await call("POST /v1/policy/rollback", { key, body })).status).toBe(404);
    expect((await call("POST /v1/policy/rollback", { key, body: {} })).status).toBe(400);
    expect((await call("PATCH /v1/policy", { key, body: "{" })).status).toBe(400);
    expect((await call("GET /v1/policy/versions?limit=x", { key })).status).toBe(400);
  });

  it("403 for a key without tenant:admin", async () => {
    const { key } = await newTestTenant();
    const response = await call("GET /v1/policy", { key: await keyWith(key, "run") });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({
      detail: expect.stringContaining("tenant:admin"),
    });
  });
});
