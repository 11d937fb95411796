import { env } from "cloudflare:workers";
import { evictDurableObject, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { ToolDefinition } from "../../src/contract/tool.ts";
import { Upstream } from "../../src/contract/upstream.ts";
import { admit } from "../../src/tenancy/admit.ts";
import { KEY_TTL_MS } from "../../src/tenancy/authenticate.ts";
import { createKey, listKeys, revokeKey } from "../../src/tenancy/keys.ts";
import { patchPolicy, readPolicy } from "../../src/tenancy/policy.ts";
import { putSecret, putTool, putUpstream } from "../../src/tenancy/resources.ts";
import { openSecret } from "../../src/tenancy/sealed.ts";
import { forgetSnapshot, loadSnapshot } from "../../src/tenancy/snapshot.ts";
import { readTenant } from "../../src/tenancy/tenants.ts";
import { newTestTenant, signIn } from "../support/tenants.ts";

const NAMESPACES: readonly DurableObjectNamespace[] = [
  env.KEY_DIRECTORY,
  env.TENANT,
  env.TENANT_GATE,
];

async function everyObject(): Promise<readonly DurableObjectStub[]> {
  const stubs: DurableObjectStub[] = [];
  for (const namespace of NAMESPACES) {
    for (const id of await listDurableObjectIds(namespace)) stubs.push(namespace.get(id));
  }
  return stubs;
}

/** Takes every object out of memory; those not running are out already. */
async function evictAll(): Promise<void> {
  for (const stub of await everyObject()) await evictDurableObject(stub).catch(() => {});
}

/** Every row of every table of an object, as text. */
function dump(stub: DurableObjectStub): Promise<string> {
  return runInDurableObject(stub, (_object, { storage: { sql } }) => {
    const tables = sql
      .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .toArray()
      .filter(({ name }) => !name.startsWith("_cf_"));
    return tables
      .map(({ name }) => name + JSON.stringify(sql.exec(`SELECT * FROM "${name}"`).toArray()))
      .join("\n");
  });
}

describe("a tenant whose objects are evicted between every two steps", () => {
  it("loses no key, tool, upstream, secret, policy, limit or revocation", async () => {
    const owner = await newTestTenant({ residency: "us" });
    const { record, tenant } = owner;
    const nowMs = Date.now();
    await evictAll();
    const limits = { requests: [{ limit: 2, window_s: 86_400 }], concurrent_runs: 5 };
    await patchPolicy(env, record, { limits }, null);
    await evictAll();
    const definition = ToolDefinition.parse({
      description: "d",
      input: { type: "object" },
      builtin: "calculator",
    });
    await putTool(env, record, "calc", definition);
    await evictAll();
    const model = {
      kind: "openai",
      models: "*",
      targets: [{ id: "a", base_url: "https://a.example" }],
    };
    await putUpstream(env, record, "main", Upstream.parse(model));
    await evictAll();
    await putSecret(env, record, "weather", { value: "s3cr3t", hosts: ["a.example"] });
    await evictAll();
    const made = await createKey(env, { key: record }, { name: "k", scopes: ["run"] }, nowMs);
    const doomed = await createKey(env, { key: record }, { name: "d", scopes: ["run"] }, nowMs + 1);
    if (!made.ok || !doomed.ok) throw new Error("no keys");
    await evictAll();
    await revokeKey(env, { key: record }, doomed.value.id, nowMs);
    await evictAll();
    forgetSnapshot(tenant.id);
    const loaded = await loadSnapshot(env, record, nowMs);
    if (!loaded.ok) throw new Error("no snapshot");
    const snapshot = loaded.value;
    for (let n = 0; n < 2; n += 1) {
      expect((await admit(env, () => {}, snapshot, record)).ok).toBe(true);
      await evictAll();
    }
    expect(await admit(env, () => {}, snapshot, record)).toMatchObject({
      ok: false,
      error: { error: { code: "quota_exceeded" } },
    });
    expect(await readTenant(env, tenant.id)).toEqual({ ok: true, value: tenant });
    expect(await readPolicy(env, record)).toMatchObject({ value: { version: 2 } });
    expect(snapshot.tools).toMatchObject([{ name: "calc", version: 1, definition }]);
    expect(snapshot.upstreams).toMatchObject([{ name: "main", upstream: model }]);
    const [secret] = snapshot.secrets;
    if (secret === undefined) throw new Error("no secret");
    expect(await openSecret(env, snapshot, secret)).toEqual({ ok: true, value: "s3cr3t" });
    const listed = await listKeys(env, record, { after: null, limit: 10 });
    expect(listed).toMatchObject({
      value: { data: [{ name: "default" }, { name: "k" }, { name: "d" }] },
    });
    const laterMs = nowMs + 2 * KEY_TTL_MS;
    expect((await signIn(made.value.key, laterMs)).ok).toBe(true);
    expect((await signIn(doomed.value.key, laterMs)).ok).toBe(false);
  });
});

describe("stored rows", () => {
  it("hold no key and no secret in the clear", async () => {
    const canary = "canary-1f6b-secret-value";
    const owner = await newTestTenant();
    await putSecret(env, owner.record, "weather", { value: canary, hosts: ["a.example"] });
    const made = await createKey(
      env,
      { key: owner.record },
      { name: "k", scopes: ["run"], tools: ["visible-tool"] },
      Date.now(),
    );
    if (!made.ok) throw new Error("no key");
    await signIn(made.value.key);
    const rows = (await Promise.all((await everyObject()).map(dump))).join("\n");
    // What should be there is found, so the search itself works.
    expect(rows).toContain("visible-tool");
    expect(rows).toContain(owner.tenant.id);
    for (const forbidden of [
      canary,
      btoa(canary),
      owner.key,
      made.value.key,
      made.value.key.slice(0, -6),
      made.value.key.split("_").at(-1) ?? "",
    ]) {
      expect(rows.includes(forbidden), forbidden).toBe(false);
    }
  });
});
