import { env } from "cloudflare:workers";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { TenantScope, type KeyCreate, type KeyRecord } from "../../src/contract/key.ts";
import { KEY_TTL_MS } from "../../src/tenancy/authenticate.ts";
import { createKey, listKeys, revokeKey, rotateKey } from "../../src/tenancy/keys.ts";
import { newTestTenant, recordOf, signIn } from "../support/tenants.ts";

const SEED = 20_261_122;
const FIRST = { after: null, limit: 100 };
const NOT_FOUND = { ok: false, error: { code: "not_found" } };

async function makeKey(by: KeyRecord, input: Partial<KeyCreate> = {}, nowMs = Date.now()) {
  const made = await createKey(env, { key: by }, { name: "k", scopes: ["run"], ...input }, nowMs);
  if (!made.ok) throw new Error(`refused: ${made.error.code}`);
  return made.value;
}

async function keysOf(key: KeyRecord) {
  const listed = await listKeys(env, key, FIRST);
  if (!listed.ok) throw new Error("no list");
  return listed.value.data;
}

describe("createKey", () => {
  it("makes a key with exactly the rights asked for, and shows its text once", async () => {
    const owner = await newTestTenant();
    const input = {
      name: "ci",
      scopes: ["run" as const, "tools:read" as const, "run" as const],
      tools: ["weather"],
      limits: { concurrent_runs: 2 },
    };
    const made = await makeKey(owner.record, input);
    expect(await recordOf(made.key)).toMatchObject({
      scopes: ["run", "tools:read"],
      tools: ["weather"],
      limits: { concurrent_runs: 2 },
      tenantId: owner.tenant.id,
    });
    const listed = await keysOf(owner.record);
    expect(listed.map((key) => key.name)).toEqual(["default", "ci"]);
    expect(JSON.stringify(listed)).not.toContain(made.key);
    expect(listed[1]?.hint).toBe(made.hint);
  });

  it("never lets a key mint a scope or tool it has not: 0 escalations over generated pairs", async () => {
    const owner = await newTestTenant();
    const scopes = fc.uniqueArray(fc.constantFrom(...TenantScope.options), { minLength: 1 });
    const tools = fc.option(fc.uniqueArray(fc.constantFrom("a", "b", "c"), { minLength: 1 }), {
      nil: null,
    });
    let minted = 0;
    let escalations = 0;
    await fc.assert(
      fc.asyncProperty(scopes, tools, scopes, tools, async (has, hasTools, asks, asksTools) => {
        const parent = { ...owner.record, scopes: has, tools: hasTools };
        const input = {
          name: "k",
          scopes: asks,
          ...(asksTools === null ? {} : { tools: asksTools }),
        };
        const made = await createKey(env, { key: parent }, input, Date.now());
        if (!made.ok) return made.error.code === "insufficient_scope";
        minted += 1;
        const { scopes: got, tools: gotTools } = made.value;
        const hasAll = got.every((scope) => parent.scopes.some((own) => own === scope));
        const toolsOk =
          hasTools === null ||
          (gotTools?.every((tool) => hasTools.some((own) => own === tool)) ?? false);
        if (!hasAll || !toolsOk) escalations += 1;
        return true;
      }),
      { seed: SEED, numRuns: 150 },
    );
    expect(escalations).toBe(0);
    expect(minted).toBeGreaterThan(5);
  });

  it("names the scope that is missing", async () => {
    const owner = await newTestTenant();
    const parent = { ...owner.record, scopes: ["run" as const] };
    const input: KeyCreate = { name: "k", scopes: ["run", "privacy"] };
    expect(await createKey(env, { key: parent }, input, Date.now())).toEqual({
      ok: false,
      error: { code: "insufficient_scope", scope: "privacy" },
    });
  });

  it("inherits tools, limits and expiry that were not asked for", async () => {
    const owner = await newTestTenant();
    const nowMs = Date.now();
    const parent = {
      ...owner.record,
      tools: ["weather"],
      limits: { concurrent_runs: 1 },
      expiresAtMs: nowMs + 60_000,
    };
    const made = await makeKey(parent, {}, nowMs);
    expect(await recordOf(made.key)).toMatchObject({
      tools: parent.tools,
      limits: parent.limits,
      expiresAtMs: parent.expiresAtMs,
    });
  });

  it.each([
    [-1, null],
    [0, null],
    [60_001, 60_000],
  ])("refuses an end %s ms from now, its own end being %s", async (endMs, ownEndMs) => {
    const owner = await newTestTenant();
    const nowMs = Date.now();
    const expiresAtMs = ownEndMs === null ? null : nowMs + ownEndMs;
    const expires_at = new Date(nowMs + endMs).toISOString();
    const input: KeyCreate = { name: "k", scopes: ["run"], expires_at };
    const made = await createKey(env, { key: { ...owner.record, expiresAtMs } }, input, nowMs);
    expect(made).toMatchObject({
      ok: false,
      error: { code: "unprocessable", violations: [{ pointer: "/expires_at" }] },
    });
  });

  it("refuses an operator's key, which has no tenant", async () => {
    const operator: KeyRecord = {
      keyId: "key_operator",
      tenantId: null,
      residency: "none",
      scopes: ["operator"],
      tools: null,
      limits: null,
      expiresAtMs: null,
    };
    const principal = { key: operator };
    const input: KeyCreate = { name: "k", scopes: ["run"] };
    expect(await createKey(env, principal, input, Date.now())).toEqual(NOT_FOUND);
    expect(await listKeys(env, operator, FIRST)).toEqual(NOT_FOUND);
    expect(await rotateKey(env, principal, "key_1", 0, Date.now())).toEqual(NOT_FOUND);
    expect(await revokeKey(env, principal, "key_1", Date.now())).toEqual(NOT_FOUND);
  });

  it("refuses the key of a tenant that was never made", async () => {
    const owner = await newTestTenant();
    const key = { ...owner.record, tenantId: "ten_nobody" };
    const input: KeyCreate = { name: "k", scopes: ["run"] };
    expect(await createKey(env, { key }, input, Date.now())).toEqual(NOT_FOUND);
  });
});

describe("listKeys", () => {
  it("pages through all keys, oldest first, without a gap", async () => {
    const owner = await newTestTenant();
    const startMs = Date.now();
    for (let n = 1; n <= 4; n += 1) await makeKey(owner.record, { name: `k${n}` }, startMs + n);
    const names: string[] = [];
    let after: string | null = null;
    do {
      const listed = await listKeys(env, owner.record, { after, limit: 2 });
      if (!listed.ok) throw new Error("no list");
      names.push(...listed.value.data.map((key) => key.name));
      expect(listed.value.has_more).toBe(listed.value.next !== null);
      after = listed.value.next;
    } while (after !== null);
    expect(names).toEqual(["default", "k1", "k2", "k3", "k4"]);
  });

  it("shows when a key was last used, to the minute", async () => {
    const owner = await newTestTenant();
    const made = await makeKey(owner.record);
    const byId = async () => (await keysOf(owner.record)).find((key) => key.id === made.id);
    expect((await byId())?.last_used_at).toBeNull();
    const nowMs = Date.now();
    await signIn(made.key, nowMs);
    expect((await byId())?.last_used_at).toBe(new Date(nowMs).toISOString());
    await signIn(made.key, nowMs + KEY_TTL_MS);
    expect((await byId())?.last_used_at).toBe(new Date(nowMs).toISOString());
    await signIn(made.key, nowMs + 60_000);
    expect((await byId())?.last_used_at).toBe(new Date(nowMs + 60_000).toISOString());
  });
});

describe("rotateKey", () => {
  it("makes a successor with the same rights while the old key works until the overlap ends", async () => {
    const owner = await newTestTenant();
    const nowMs = Date.now();
    const old = await makeKey(owner.record, { name: "ci", tools: ["weather"] }, nowMs);
    const rotated = await rotateKey(env, { key: owner.record }, old.id, 60, nowMs);
    if (!rotated.ok) throw new Error("refused");
    const { key, id } = rotated.value;
    expect(id).not.toBe(old.id);
    expect(await recordOf(key)).toMatchObject({ scopes: ["run"], tools: ["weather"] });
    expect((await signIn(old.key, nowMs + 59_999)).ok).toBe(true);
    expect((await signIn(old.key, nowMs + 60_000)).ok).toBe(false);
    expect((await signIn(key, nowMs + 60_000)).ok).toBe(true);
  });

  it("ends the old key at once with an overlap of 0", async () => {
    const owner = await newTestTenant();
    const old = await makeKey(owner.record);
    expect((await signIn(old.key)).ok).toBe(true);
    const rotated = await rotateKey(env, { key: owner.record }, old.id, 0, Date.now());
    expect(rotated.ok).toBe(true);
    expect((await signIn(old.key)).ok).toBe(false);
  });

  it("never makes a key live longer than it would have", async () => {
    const owner = await newTestTenant();
    const nowMs = Date.now();
    const expires_at = new Date(nowMs + 5000).toISOString();
    const old = await makeKey(owner.record, { expires_at }, nowMs);
    const rotated = await rotateKey(env, { key: owner.record }, old.id, 60, nowMs);
    if (!rotated.ok) throw new Error("refused");
    expect(rotated.value.expires_at).toBe(expires_at);
    expect((await signIn(old.key, nowMs + 5000)).ok).toBe(false);
  });

  it("refuses to rotate a key that can do more than the caller", async () => {
    const owner = await newTestTenant();
    const weak = { ...owner.record, scopes: ["tenant:admin" as const] };
    const rotated = await rotateKey(env, { key: weak }, owner.keyId, 0, Date.now());
    expect(rotated).toMatchObject({ ok: false, error: { code: "insufficient_scope" } });
    expect((await signIn(owner.key)).ok).toBe(true);
  });

  it("refuses a key that has ended with conflict and an unknown one with not_found", async () => {
    const owner = await newTestTenant();
    const principal = { key: owner.record };
    const nowMs = Date.now();
    const revoked = await makeKey(owner.record);
    await revokeKey(env, principal, revoked.id, nowMs);
    const expires_at = new Date(nowMs + 10).toISOString();
    const expired = await makeKey(owner.record, { expires_at }, nowMs);
    for (const id of [revoked.id, expired.id]) {
      const rotated = await rotateKey(env, principal, id, 0, nowMs + 10);
      expect(rotated).toMatchObject({ ok: false, error: { code: "conflict" } });
    }
    expect(await rotateKey(env, principal, "key_unknown", 0, nowMs)).toEqual(NOT_FOUND);
  });
});

describe("revokeKey", () => {
  it("takes effect on this isolate at once", async () => {
    const owner = await newTestTenant();
    const made = await makeKey(owner.record);
    expect((await signIn(made.key)).ok).toBe(true);
    expect(await revokeKey(env, { key: owner.record }, made.id, Date.now())).toMatchObject({
      ok: true,
    });
    expect((await signIn(made.key)).ok).toBe(false);
    const listed = (await keysOf(owner.record)).find((key) => key.id === made.id);
    expect(listed?.revoked_at).not.toBeNull();
  });

  it("takes effect on an isolate that was not told within five seconds", async () => {
    const owner = await newTestTenant();
    const made = await makeKey(owner.record);
    const nowMs = Date.now();
    expect((await signIn(made.key, nowMs)).ok).toBe(true);
    // Another isolate revokes: the directory knows, this isolate's cache does not.
    const { hashKey } = await import("../../src/tenancy/key-hash.ts");
    const { directoryShard } = await import("../../src/tenancy/objects.ts");
    const { hash } = await hashKey(env, made.key);
    await directoryShard(env, "us", hash).revokeKey(hash, nowMs);
    expect((await signIn(made.key, nowMs + KEY_TTL_MS - 1)).ok).toBe(true);
    expect((await signIn(made.key, nowMs + KEY_TTL_MS)).ok).toBe(false);
  });

  it("does not know another tenant's key", async () => {
    const [a, b] = [await newTestTenant(), await newTestTenant()];
    expect(await revokeKey(env, { key: a.record }, b.keyId, Date.now())).toEqual(NOT_FOUND);
    expect((await signIn(b.key)).ok).toBe(true);
  });
});
