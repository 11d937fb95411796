import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { MAX_BODY_CHARACTERS, MAX_RESOURCES } from "../../durable-objects/tenant/resource-table.ts";
import { MAX_KEYS } from "../../durable-objects/tenant/key-table.ts";
import type { KeyRecord } from "../../src/contract/key.ts";
import { ToolDefinition } from "../../src/contract/tool.ts";
import { Upstream } from "../../src/contract/upstream.ts";
import { createKey } from "../../src/tenancy/keys.ts";
import { tenantObject } from "../../src/tenancy/objects.ts";
import {
  deleteSecret,
  deleteTool,
  deleteUpstream,
  listSecrets,
  listTools,
  listUpstreams,
  putSecret,
  putTool,
  putUpstream,
  readTool,
  readUpstream,
} from "../../src/tenancy/resources.ts";
import { openSecret } from "../../src/tenancy/sealed.ts";
import { loadSnapshot, SNAPSHOT_TTL_MS } from "../../src/tenancy/snapshot.ts";
import { newTestTenant } from "../support/tenants.ts";

const NOT_FOUND = { ok: false, error: { code: "not_found" } };
const FIRST = { after: null, limit: 100 };

function tool(description = "Adds"): ToolDefinition {
  return ToolDefinition.parse({ description, input: { type: "object" }, builtin: "calculator" });
}

function upstream(base_url: string): Upstream {
  return Upstream.parse({ kind: "openai", models: "*", targets: [{ id: "a", base_url }] });
}

async function snapshotOf(key: KeyRecord, nowMs = Date.now()) {
  const loaded = await loadSnapshot(env, key, nowMs);
  if (!loaded.ok) throw new Error(loaded.error.code);
  return loaded.value;
}

describe("tools", () => {
  it("are written, read, listed by name and removed", async () => {
    const { record } = await newTestTenant();
    for (const name of ["b", "a", "c"]) {
      expect(await putTool(env, record, name, tool(name))).toMatchObject({
        ok: true,
        value: { created: true, value: { name, version: 1 } },
      });
    }
    expect(await readTool(env, record, "a")).toEqual({
      ok: true,
      value: { name: "a", version: 1, definition: tool("a") },
    });
    const page = await listTools(env, record, { after: null, limit: 2 });
    expect(page).toMatchObject({ ok: true, value: { has_more: true, next: "b" } });
    expect(await listTools(env, record, { after: "b", limit: 2 })).toMatchObject({
      value: { data: [{ name: "c" }], has_more: false, next: null },
    });
    expect((await deleteTool(env, record, "a")).ok).toBe(true);
    expect(await deleteTool(env, record, "a")).toEqual(NOT_FOUND);
    expect(await readTool(env, record, "a")).toEqual(NOT_FOUND);
  });

  it("never get a version twice, also after delete and re-create", async () => {
    const { record } = await newTestTenant();
    const seen: number[] = [];
    for (let n = 0; n < 3; n += 1) {
      for (let m = 0; m < 2; m += 1) {
        const written = await putTool(env, record, "t", tool(`${n} ${m}`));
        if (written.ok) seen.push(written.value.value.version);
      }
      await deleteTool(env, record, "t");
    }
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    const other = await putTool(env, record, "other", tool());
    expect(other).toMatchObject({ ok: true, value: { value: { version: 7 } } });
  });

  it("may be exactly as many as the bound says", async () => {
    const { record } = await newTestTenant();
    const stub = tenantObject(env, "none", record.tenantId ?? "");
    const body = JSON.stringify(tool());
    await runInDurableObject(stub, (object) => {
      for (let n = 1; n < MAX_RESOURCES.tool; n += 1) object.putResource("tool", `t${n}`, body);
    });
    expect((await putTool(env, record, "last", tool())).ok).toBe(true);
    expect(await putTool(env, record, "one more", tool())).toMatchObject({
      ok: false,
      error: { code: "unprocessable" },
    });
    expect((await putTool(env, record, "last", tool("changed"))).ok).toBe(true);
    expect((await snapshotOf(record)).tools).toHaveLength(MAX_RESOURCES.tool);
  });

  it("may hold exactly as many characters together as the bound says", async () => {
    const { record } = await newTestTenant();
    const stub = tenantObject(env, "none", record.tenantId ?? "");
    const half = "x".repeat(MAX_BODY_CHARACTERS / 2);
    expect((await stub.putResource("tool", "a", half)).ok).toBe(true);
    expect((await stub.putResource("upstream", "b", half)).ok).toBe(true);
    expect((await stub.putResource("tool", "c", "x")).ok).toBe(false);
    expect((await stub.putResource("tool", "a", half)).ok).toBe(true);
    expect((await stub.putResource("tool", "a", `${half}x`)).ok).toBe(false);
  });
});

describe("upstreams", () => {
  it("serve in the order of their creation, whatever is changed later", async () => {
    const { record } = await newTestTenant();
    for (const name of ["z", "a"]) {
      await putUpstream(env, record, name, upstream(`https://${name}.example/v1`));
    }
    const changed = await putUpstream(env, record, "z", upstream("https://zz.example/v1"));
    expect(changed).toMatchObject({ ok: true, value: { created: false, value: { version: 2 } } });
    const names = (await snapshotOf(record)).upstreams.map((item) => item.name);
    expect(names).toEqual(["z", "a"]);
    expect(await readUpstream(env, record, "z")).toMatchObject({
      value: { upstream: { targets: [{ base_url: "https://zz.example/v1" }] } },
    });
    expect(await listUpstreams(env, record, FIRST)).toMatchObject({
      value: { data: [{ name: "a" }, { name: "z" }] },
    });
    expect((await deleteUpstream(env, record, "z")).ok).toBe(true);
    expect(await readUpstream(env, record, "z")).toEqual(NOT_FOUND);
  });
});

describe("secrets", () => {
  const secret = { value: "s3cr3t", hosts: ["api.example.com"] };

  it("open from the snapshot and are never listed with their value", async () => {
    const { record } = await newTestTenant();
    const written = await putSecret(env, record, "weather", secret);
    const view = { name: "weather", version: 1, hosts: secret.hosts };
    expect(written).toEqual({ ok: true, value: { value: view, created: true } });
    expect(await listSecrets(env, record, FIRST)).toMatchObject({ value: { data: [view] } });
    const snapshot = await snapshotOf(record);
    const [stored] = snapshot.secrets;
    if (stored === undefined) throw new Error("no secret");
    expect(await openSecret(env, snapshot, stored)).toEqual({ ok: true, value: "s3cr3t" });
    expect((await deleteSecret(env, record, "weather")).ok).toBe(true);
    expect(await deleteSecret(env, record, "weather")).toEqual(NOT_FOUND);
  });

  it("cannot be opened when an old version's ciphertext is put into the new row", async () => {
    const { record } = await newTestTenant();
    await putSecret(env, record, "weather", secret);
    const [old] = (await snapshotOf(record)).secrets;
    await deleteSecret(env, record, "weather");
    await putSecret(env, record, "weather", { ...secret, value: "new" });
    const snapshot = await snapshotOf(record);
    const [current] = snapshot.secrets;
    if (old === undefined || current === undefined) throw new Error("no secret");
    expect(current.version).toBe(2);
    expect((await openSecret(env, snapshot, { ...current, value: old.value })).ok).toBe(false);
  });

  it("are sealed again when two writes meet, and both end in a row that opens", async () => {
    const { record } = await newTestTenant();
    const written = await Promise.all(
      ["one", "two"].map((value) => putSecret(env, record, "weather", { ...secret, value })),
    );
    expect(written.map((outcome) => outcome.ok)).toEqual([true, true]);
    const snapshot = await snapshotOf(record);
    const [stored] = snapshot.secrets;
    if (stored === undefined) throw new Error("no secret");
    expect(stored.version).toBe(2);
    expect((await openSecret(env, snapshot, stored)).ok).toBe(true);
  });

  it("409 when the version is taken every time", async () => {
    const { record } = await newTestTenant();
    const stub = tenantObject(env, "none", record.tenantId ?? "");
    await putSecret(env, record, "weather", secret);
    expect(await stub.putSecret("weather", 1, "{}")).toMatchObject({
      ok: false,
      error: { code: "conflict" },
    });
    const stale = {
      secretSlot: async (name: string) => {
        const slot = await stub.secretSlot(name);
        return slot === null ? null : { ...slot, version: 1 };
      },
      putSecret: (name: string, version: number, body: string) =>
        stub.putSecret(name, version, body),
    };
    const stuck = {
      ...env,
      TENANT: Object.assign(Object.create(env.TENANT), { getByName: () => stale }),
    };
    expect(await putSecret(stuck, record, "weather", secret)).toMatchObject({
      ok: false,
      error: { code: "conflict" },
    });
  });
});

describe("keys", () => {
  it("may be a thousand; the oldest that has ended makes room, a working one never", async () => {
    const { record, keyId } = await newTestTenant();
    const stub = tenantObject(env, "none", record.tenantId ?? "");
    const nowMs = Date.now();
    const view = { name: "k", scopes: ["run" as const], hint: "", tools: null, limits: null };
    const times = { expires_at: null, revoked_at: null, created_at: "" };
    await runInDurableObject(stub, (object) => {
      for (let n = 1; n < MAX_KEYS; n += 1) {
        const key = { ...view, ...times, id: `key_${n}` };
        object.addKey({ view: key, directory: "us", hash: "00" }, nowMs);
      }
    });
    const make = () => createKey(env, { key: record }, { name: "k", scopes: ["run"] }, nowMs);
    expect(await make()).toMatchObject({ ok: false, error: { code: "conflict" } });
    await stub.noteRevoked("key_7", nowMs);
    expect((await make()).ok).toBe(true);
    expect(await stub.readKey("key_7")).toBeNull();
    expect(await stub.readKey(keyId)).not.toBeNull();
    expect((await make()).ok).toBe(false);
  });
});

describe("loadSnapshot", () => {
  it("answers from the isolate for thirty seconds unless something was changed here", async () => {
    const { record } = await newTestTenant();
    const nowMs = Date.now();
    const first = await snapshotOf(record, nowMs);
    // Another isolate writes: this one is not told.
    const stub = tenantObject(env, "none", record.tenantId ?? "");
    await stub.putResource("tool", "t", JSON.stringify(tool()));
    expect(await snapshotOf(record, nowMs + SNAPSHOT_TTL_MS - 1)).toBe(first);
    const second = await snapshotOf(record, nowMs + SNAPSHOT_TTL_MS);
    expect(second.tools.map((item) => item.name)).toEqual(["t"]);
    expect(second.version).toBe(first.version + 1);
    await deleteTool(env, record, "t");
    expect((await snapshotOf(record, nowMs + SNAPSHOT_TTL_MS)).tools).toEqual([]);
  });

  it("answers unavailable when the tenant's object is overloaded", async () => {
    const { record } = await newTestTenant();
    const overloaded = Object.assign(new Error("busy"), { overloaded: true });
    const stub = { snapshot: () => Promise.reject(overloaded) };
    const broken = {
      ...env,
      TENANT: Object.assign(Object.create(env.TENANT), { getByName: () => stub }),
    };
    expect(await loadSnapshot(broken, record, Date.now())).toMatchObject({
      ok: false,
      error: { code: "unavailable" },
    });
  });
});

describe("an operator's key", () => {
  it("has no resources", async () => {
    const { record } = await newTestTenant();
    const operator = { ...record, tenantId: null };
    expect(await putTool(env, operator, "t", tool())).toEqual(NOT_FOUND);
    expect(await readTool(env, operator, "t")).toEqual(NOT_FOUND);
    expect(await listTools(env, operator, FIRST)).toEqual(NOT_FOUND);
    expect(await deleteTool(env, operator, "t")).toEqual(NOT_FOUND);
    expect(await putSecret(env, operator, "s", { value: "v", hosts: [] })).toEqual(NOT_FOUND);
  });
});
