import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { toBase64Url } from "../../src/platform/encoding.ts";
import { authenticate, KEY_TTL_MS, UNKNOWN_KEY_TTL_MS } from "../../src/tenancy/authenticate.ts";
import { mintKeyText } from "../../src/tenancy/key-format.ts";
import { createKey, revokeKey } from "../../src/tenancy/keys.ts";
import { newTestTenant, signIn } from "../support/tenants.ts";

const REFUSED = { ok: false, error: { code: "unauthenticated" } };

/** Counts calls to the directory and the shield; both work. */
function counted(shieldLets = true) {
  const calls = { directory: 0, shield: 0 };
  const spied = {
    ...env,
    KEY_DIRECTORY: new Proxy(env.KEY_DIRECTORY, {
      get(target, property) {
        if (property === "getByName") calls.directory += 1;
        const value: unknown = Reflect.get(target, property);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }),
    KEY_SHIELD: {
      limit: async () => {
        calls.shield += 1;
        return { success: shieldLets };
      },
    },
  };
  return { calls, env: spied };
}

describe("authenticate", () => {
  it.each([null, "", "Bearer", "Bearer ", "Basic abc", "Bearer sk-proj-123", "Bearer a b"])(
    "refuses the header %j before any lookup",
    async (header) => {
      const { calls, env: spied } = counted();
      expect(await authenticate(spied, header, "address", Date.now())).toEqual(REFUSED);
      expect(calls).toEqual({ directory: 0, shield: 0 });
    },
  );

  it("refuses a wrong checksum before any lookup", async () => {
    const { calls, env: spied } = counted();
    const key = mintKeyText("us", "test");
    const broken = key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");
    expect(await authenticate(spied, `Bearer ${broken}`, "a", Date.now())).toEqual(REFUSED);
    expect(calls).toEqual({ directory: 0, shield: 0 });
  });

  it("knows a tenant's key and answers from the isolate for five seconds", async () => {
    const { key, tenant, keyId } = await newTestTenant({ residency: "eu" });
    const { calls, env: spied } = counted();
    const nowMs = Date.now() + 10 * KEY_TTL_MS;
    const found = await authenticate(spied, `bearer  ${key}`, "a", nowMs);
    expect(found).toMatchObject({
      ok: true,
      value: { keyId, tenantId: tenant.id, residency: "eu", expiresAtMs: null },
    });
    await authenticate(spied, `Bearer ${key}`, "a", nowMs + KEY_TTL_MS - 1);
    expect(calls).toEqual({ directory: 1, shield: 0 });
    await authenticate(spied, `Bearer ${key}`, "a", nowMs + KEY_TTL_MS);
    expect(calls).toEqual({ directory: 2, shield: 0 });
  });

  it("asks about an unknown key once a minute", async () => {
    const { calls, env: spied } = counted();
    const header = `Bearer ${mintKeyText("ap", "test")}`;
    const nowMs = Date.now();
    expect(await authenticate(spied, header, "a", nowMs)).toEqual(REFUSED);
    expect(await authenticate(spied, header, "a", nowMs + UNKNOWN_KEY_TTL_MS - 1)).toEqual(REFUSED);
    expect(calls).toEqual({ directory: 1, shield: 1 });
    await authenticate(spied, header, "a", nowMs + UNKNOWN_KEY_TTL_MS);
    expect(calls.directory).toBe(2);
  });

  it("asks the shield before the directory and stops there when it refuses", async () => {
    const { calls, env: spied } = counted(false);
    const header = `Bearer ${mintKeyText("us", "test")}`;
    expect(await authenticate(spied, header, "a", Date.now())).toEqual({
      ok: false,
      error: { code: "too_many_unknown_keys", retryAfterMs: 60_000 },
    });
    expect(calls).toEqual({ directory: 0, shield: 1 });
  });

  it("answers unknown, revoked and expired keys alike", async () => {
    const owner = await newTestTenant();
    const nowMs = Date.now();
    const wanted = { name: "k", scopes: ["run" as const] };
    const revoked = await createKey(env, { key: owner.record }, wanted, nowMs);
    const expires_at = new Date(nowMs + 1000).toISOString();
    const expiring = await createKey(env, { key: owner.record }, { ...wanted, expires_at }, nowMs);
    if (!revoked.ok || !expiring.ok) throw new Error("no keys");
    await revokeKey(env, { key: owner.record }, revoked.value.id, nowMs);
    expect(await signIn(revoked.value.key, nowMs)).toEqual(REFUSED);
    expect(await signIn(expiring.value.key, nowMs + 1000)).toEqual(REFUSED);
    expect(await signIn(mintKeyText("us", "test"), nowMs)).toEqual(REFUSED);
  });

  it("refuses a cached key from the millisecond it expires", async () => {
    const owner = await newTestTenant();
    const nowMs = Date.now();
    const expires_at = new Date(nowMs + 1000).toISOString();
    const wanted = { name: "k", scopes: ["run" as const], expires_at };
    const made = await createKey(env, { key: owner.record }, wanted, nowMs);
    if (!made.ok) throw new Error("no key");
    expect((await signIn(made.value.key, nowMs)).ok).toBe(true);
    expect((await signIn(made.value.key, nowMs + 999)).ok).toBe(true);
    expect(await signIn(made.value.key, nowMs + 1000)).toEqual(REFUSED);
  });

  it("still knows a key made under the pepper before, and does not confuse peppers", async () => {
    const { key, keyId } = await newTestTenant();
    const newer = `v2:${toBase64Url(new Uint8Array(32).fill(9))}`;
    const rotated = { ...env, KEY_PEPPERS: `${env.KEY_PEPPERS},${newer}` };
    const found = await authenticate(rotated, `Bearer ${key}`, "a", Date.now());
    expect(found).toMatchObject({ ok: true, value: { keyId } });
    const replaced = { ...env, KEY_PEPPERS: newer.replace("v2", "v1").replace("CQkJ", "CQkK") };
    expect(await authenticate(replaced, `Bearer ${key}`, "a", Date.now())).toEqual(REFUSED);
  });

  it("answers unavailable when the directory is overloaded, and remembers nothing", async () => {
    const { key } = await newTestTenant();
    const nowMs = Date.now() + 60 * KEY_TTL_MS;
    const overloaded = Object.assign(new Error("busy"), { overloaded: true });
    const broken = {
      ...env,
      KEY_DIRECTORY: Object.assign(Object.create(env.KEY_DIRECTORY), {
        jurisdiction: () => ({ getByName: () => ({ findKey: () => Promise.reject(overloaded) }) }),
      }),
    };
    expect(await authenticate(broken, `Bearer ${key}`, "a", nowMs)).toEqual({
      ok: false,
      error: { code: "unavailable", retryAfterMs: 1000 },
    });
    expect((await signIn(key, nowMs)).ok).toBe(true);
  });
});
