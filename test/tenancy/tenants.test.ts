import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { resultKeyPrefix } from "../../src/tools/cache/cache-key.ts";
import { admit } from "../../src/tenancy/admit.ts";
import { eraseResults, resultPrefix } from "../../src/tenancy/erase-results.ts";
import { keyring } from "../../src/tenancy/keyring.ts";
import { createKey } from "../../src/tenancy/keys.ts";
import { gateObject, tenantObject, resultShard } from "../../src/tenancy/objects.ts";
import { readPolicy } from "../../src/tenancy/policy.ts";
import { putSecret, putTool } from "../../src/tenancy/resources.ts";
import { loadSnapshot } from "../../src/tenancy/snapshot.ts";
import { deleteTenant, listTenants, patchTenant, readTenant } from "../../src/tenancy/tenants.ts";
import { ToolDefinition } from "../../src/contract/tool.ts";
import { canonicalJson } from "../../src/platform/canonical-json.ts";
import { fromBase64, utf8 } from "../../src/platform/encoding.ts";
import { newTestTenant, recordOf, signIn } from "../support/tenants.ts";

const NOT_FOUND = { ok: false, error: { code: "not_found" } };

describe("createTenant", () => {
  it.each([
    ["eu", undefined, "eu", "eu"],
    ["us", undefined, "us", "us"],
    ["fedramp", undefined, "us", "us"],
    ["eu", "us", "eu", "eu"],
    ["none", undefined, "us", "us"],
    ["none", "eu", "eu", "eu"],
    ["none", "apac", "apac", "ap"],
  ] as const)(
    "residency %s with hint %s is served from %s and has %s keys",
    async (residency, region_hint, hint, word) => {
      const made = await newTestTenant({
        residency,
        ...(region_hint === undefined ? {} : { region_hint }),
      });
      expect(made.tenant).toMatchObject({ residency, region_hint: hint, processing: "region" });
      expect(made.key).toMatch(new RegExp(`^tfe_test_${word}_`));
      expect(made.record).toMatchObject({ residency, tenantId: made.tenant.id });
      expect(made.record.scopes).toHaveLength(7);
      expect(await readTenant(env, made.tenant.id)).toEqual({ ok: true, value: made.tenant });
    },
  );

  it("makes live keys wherever it is deployed", async () => {
    const { newKeyText } = await import("../../src/tenancy/mint.ts");
    expect(newKeyText({ ROLE: "region" }, "eu")).toMatch(/^tfe_live_eu_/);
  });

  it("keeps a resident tenant's objects apart from those of the same name elsewhere", async () => {
    const { tenant } = await newTestTenant({ residency: "eu" });
    expect(await tenantObject(env, "eu", tenant.id).view()).not.toBeNull();
    expect(await tenantObject(env, "none", tenant.id).view()).toBeNull();
    expect(await tenantObject(env, "us", tenant.id).view()).toBeNull();
  });

  it("cuts the profile's preset to the operator's ceiling", async () => {
    const { record } = await newTestTenant({
      limits: { requests: [{ limit: 100, window_s: 60 }], concurrent_runs: 3 },
    });
    const policy = await readPolicy(env, record);
    expect(policy).toMatchObject({
      ok: true,
      value: {
        version: 1,
        author: "operator",
        policy: {
          limits: { requests: [{ limit: 100, window_s: 60, burst: 100 }], concurrent_runs: 3 },
        },
      },
    });
  });
});

describe("listTenants", () => {
  it("pages through the tenants of all directories in order of creation", async () => {
    const made = [];
    for (const residency of ["eu", "none", "us"]) made.push(await newTestTenant({ residency }));
    made.push(await newTestTenant({ region_hint: "apac" }));
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page = await listTenants(env, { after, limit: 2 });
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data.map((tenant) => tenant.id));
      after = page.next;
    } while (after !== null);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(seen.toSorted());
    expect(seen.slice(-4)).toEqual(made.map(({ tenant }) => tenant.id));
  });
});

describe("patchTenant", () => {
  it("changes name and ceiling, and holds the new ceiling at once", async () => {
    const { tenant, record } = await newTestTenant();
    await loadSnapshot(env, record, Date.now());
    const limits = { requests: [{ limit: 1, window_s: 86_400 }] };
    const patched = await patchTenant(env, tenant.id, { name: "New", limits });
    expect(patched).toEqual({ ok: true, value: { ...tenant, name: "New", limits } });
    const snapshot = await loadSnapshot(env, record, Date.now());
    if (!snapshot.ok) throw new Error("no snapshot");
    expect(snapshot.value.ceiling).toEqual(limits);
    expect((await admit(env, () => {}, snapshot.value, record)).ok).toBe(true);
    expect((await admit(env, () => {}, snapshot.value, record)).ok).toBe(false);
  });

  it("a new hint counts for keys made from then on, and the old ones go on working", async () => {
    const owner = await newTestTenant({ region_hint: "us" });
    await patchTenant(env, owner.tenant.id, { region_hint: "apac" });
    const input = { name: "k", scopes: ["run" as const] };
    const made = await createKey(env, { key: owner.record }, input, Date.now());
    if (!made.ok) throw new Error("no key");
    expect(made.value.key).toMatch(/^tfe_test_ap_/);
    expect((await recordOf(made.value.key)).tenantId).toBe(owner.tenant.id);
    expect((await signIn(owner.key)).ok).toBe(true);
  });

  it("422 for a hint that would lead a resident tenant elsewhere", async () => {
    const { tenant } = await newTestTenant({ residency: "eu" });
    expect(await patchTenant(env, tenant.id, { region_hint: "us" })).toMatchObject({
      ok: false,
      error: { code: "unprocessable", violations: [{ pointer: "/region_hint" }] },
    });
    expect((await patchTenant(env, tenant.id, { region_hint: "eu" })).ok).toBe(true);
  });

  it("does not know an unknown tenant", async () => {
    expect(await patchTenant(env, "ten_unknown", { name: "x" })).toEqual(NOT_FOUND);
    expect(await readTenant(env, "ten_unknown")).toEqual(NOT_FOUND);
    expect(await deleteTenant(env, "ten_unknown", Date.now())).toEqual(NOT_FOUND);
  });
});

describe("deleteTenant", () => {
  it("erases every store, refuses the keys at once and signs what it did", async () => {
    const owner = await newTestTenant();
    const { tenant, record } = owner;
    const nowMs = Date.now();
    const second = await createKey(env, { key: record }, { name: "k", scopes: ["run"] }, nowMs);
    if (!second.ok) throw new Error("no key");
    const tool = ToolDefinition.parse({ description: "d", input: {}, builtin: "calculator" });
    await putTool(env, record, "calc", tool);
    await putSecret(env, record, "weather", { value: "v", hosts: ["api.example.com"] });
    const snapshot = await loadSnapshot(env, record, nowMs);
    if (!snapshot.ok) throw new Error("no snapshot");
    await admit(env, () => {}, snapshot.value, record);
    for (let n = 0; n < 7; n += 1) await env.RESULTS.put(`r1:${tenant.id}:${n}`, "sealed");
    await env.RESULTS.put(`r1:${tenant.id}0:1`, "another tenant's");
    const times = { staleMs: 60_000, keptMs: 60_000 };
    await resultShard(env, "none", tenant.id, 3).post("kept", "sealed", times, true);

    const deleted = await deleteTenant(env, tenant.id, nowMs);
    if (!deleted.ok) throw new Error("not deleted");
    expect(deleted.value).toMatchObject({
      tenant: tenant.id,
      deleted_at: new Date(nowMs).toISOString(),
      stores: {
        tenant: { keys: 2, tools: 1, upstreams: 0, secrets: 1 },
        tenant_gate: { buckets: 1, permits: 1 },
        key_directory: { keys: 2 },
        run_journal: { runs: 0 },
        results: { deleted: 7, complete: true },
        result_cache: { results: 1 },
      },
    });
    for (const key of [owner.key, second.value.key]) expect((await signIn(key)).ok).toBe(false);
    expect(await loadSnapshot(env, record, nowMs)).toEqual({
      ok: false,
      error: { code: "unauthenticated" },
    });
    expect(await readTenant(env, tenant.id)).toEqual(NOT_FOUND);
    expect(await deleteTenant(env, tenant.id, nowMs)).toEqual(NOT_FOUND);
    const left = await env.RESULTS.list({ prefix: `r1:${tenant.id}` });
    expect(left.keys.map((entry) => entry.name)).toEqual([`r1:${tenant.id}0:1`]);
    for (const [object, table] of [
      [tenantObject(env, "none", tenant.id), "tenant"],
      [tenantObject(env, "none", tenant.id), "resource"],
      [tenantObject(env, "none", tenant.id), "api_key"],
      [gateObject(env, "none", tenant.id), "bucket"],
    ] as const) {
      const rows = await countRows(object, table);
      expect(rows, table).toBe(0);
    }
  });

  it("signs a receipt that a changed one does not fit", async () => {
    const { tenant } = await newTestTenant();
    const deleted = await deleteTenant(env, tenant.id, Date.now());
    if (!deleted.ok) throw new Error("not deleted");
    const { signature, ...rest } = deleted.value;
    const { newest } = await keyring("hmac", env.KEY_PEPPERS);
    expect(signature.key).toBe(newest.version);
    const macOf = async (value: object) => {
      const text = canonicalJson(JSON.parse(JSON.stringify(value)));
      const bytes = utf8(`toolformer-edge/receipt/1\n${text}`);
      return new Uint8Array(await crypto.subtle.sign("HMAC", newest.key, bytes));
    };
    expect(fromBase64(signature.value)).toEqual(await macOf(rest));
    expect(fromBase64(signature.value)).not.toEqual(await macOf({ ...rest, tenant: "ten_other" }));
  });

  it("leaves the objects of an erased tenant refusing every change", async () => {
    const owner = await newTestTenant();
    await deleteTenant(env, owner.tenant.id, Date.now());
    const tool = ToolDefinition.parse({ description: "d", input: {}, builtin: "calculator" });
    expect(await putTool(env, owner.record, "calc", tool)).toEqual(NOT_FOUND);
    const secret = { value: "v", hosts: ["a"] };
    expect(await putSecret(env, owner.record, "s", secret)).toEqual(NOT_FOUND);
    expect(await readPolicy(env, owner.record)).toEqual(NOT_FOUND);
    const stub = tenantObject(env, "none", owner.tenant.id);
    expect(await stub.patch({ name: "x" })).toBeNull();
    const view = { id: "key_1", name: "k", scopes: [], hint: "", tools: null, limits: null };
    const times = { expires_at: null, revoked_at: null, created_at: "" };
    const key = { view: { ...view, ...times }, directory: "us" as const, hash: "00" };
    expect(await stub.addKey(key, 0)).toEqual(NOT_FOUND);
  });
});

describe("eraseResults", () => {
  it("looks where the result cache writes", () => {
    expect(resultPrefix("ten_1")).toBe(resultKeyPrefix("ten_1"));
  });

  it("says when more is left than one request may delete", async () => {
    const deleted: string[] = [];
    const results = {
      list: async () => ({
        keys: Array.from({ length: 12 }, (_, n) => ({ name: `r1:t:${n}` })),
        list_complete: false as const,
        cursor: "more",
        cacheStatus: null,
      }),
      delete: async (name: string) => void deleted.push(name),
    };
    const erased = await eraseResults({ ...env.RESULTS, ...results }, "t");
    expect(erased).toEqual({ deleted: 12, complete: false });
    expect(deleted).toHaveLength(12);
  });
});

function countRows(stub: DurableObjectStub, table: string): Promise<number> {
  return runInDurableObject(stub, (_object, state) => {
    const counted = state.storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
    return counted.one().n;
  });
}
