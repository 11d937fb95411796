import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import type { KeyRecord } from "../../src/contract/key.ts";
import type { Limits } from "../../src/contract/limits.ts";
import type { TenantSnapshot } from "../../src/contract/tenant.ts";
import { admissionRequest, admit } from "../../src/tenancy/admit.ts";
import { defaultPolicy } from "../../src/tenancy/policy.ts";

const key: KeyRecord = {
  keyId: "key_1",
  tenantId: "ten_1",
  residency: "none",
  scopes: ["run"],
  tools: null,
  limits: null,
  expiresAtMs: null,
};

function snapshot(ceiling: Limits, own: Limits): TenantSnapshot {
  return {
    tenantId: `ten_${crypto.randomUUID()}`,
    residency: "none",
    version: 1,
    ceiling,
    policy: { ...defaultPolicy("robust", "auto"), limits: own },
    policyVersion: 1,
    tools: [],
    upstreams: [],
    mcpServers: [],
    secrets: [],
    dataKey: { key: "v1", iv: "", ct: "" },
  };
}

/** Collects deferred work, as `ctx.waitUntil` does. */
function deferred() {
  const work: Promise<unknown>[] = [];
  return { waitUntil: (promise: Promise<unknown>) => void work.push(promise), work };
}

describe("admissionRequest", () => {
  it("asks for the operator's, the tenant's and the key's limits, each in its own bucket", () => {
    const minute = { limit: 10, window_s: 60 };
    const limited = { ...key, limits: { requests: [minute, { ...minute, burst: 2 }] } };
    const state = snapshot(
      { requests: [minute], concurrent_runs: 9 },
      { requests: [minute, { limit: 1, window_s: 1 }], concurrent_runs: 5 },
    );
    const request = admissionRequest(state, limited);
    expect(request.rates.map((rate) => rate.id)).toEqual([
      "operator:60",
      "tenant:60",
      "tenant:1",
      "key:key_1:60",
      "key:key_1:60:2",
    ]);
    expect(request.concurrency).toEqual([
      { id: "operator", max: 9 },
      { id: "tenant", max: 5 },
    ]);
    expect(request.permitTtlMs).toBe(state.policy.runs.deadline_ms + 10_000);
  });
});

describe("admit", () => {
  it("costs no call when nothing is limited", async () => {
    const unreachable = { ...env, TENANT_GATE: Object.create(null) };
    const { waitUntil, work } = deferred();
    const session = await admit(unreachable, waitUntil, snapshot({}, {}), key);
    if (!session.ok) throw new Error("refused");
    expect(session.value.rates).toEqual([]);
    session.value.release();
    expect(work).toEqual([]);
  });

  it("holds the smaller of ceiling and policy", async () => {
    const state = snapshot(
      { requests: [{ limit: 2, window_s: 86_400 }] },
      { requests: [{ limit: 100, window_s: 86_400 }] },
    );
    const { waitUntil } = deferred();
    for (let n = 0; n < 2; n += 1) {
      expect((await admit(env, waitUntil, state, key)).ok).toBe(true);
    }
    const refused = await admit(env, waitUntil, state, key);
    expect(refused).toMatchObject({
      ok: false,
      error: { error: { code: "quota_exceeded", limit: "operator:86400" } },
    });
    if (refused.ok) return;
    expect(refused.error.rates.map((rate) => rate.remaining)).toEqual([0, 98]);
  });

  it("gives the permit back once, after the request", async () => {
    const state = snapshot({}, { concurrent_runs: 1 });
    const { waitUntil, work } = deferred();
    const session = await admit(env, waitUntil, state, key);
    if (!session.ok) throw new Error("refused");
    const refused = await admit(env, waitUntil, state, key);
    expect(refused).toMatchObject({
      ok: false,
      error: { error: { code: "concurrency_exceeded", limit: "tenant", retryAfterMs: 1000 } },
    });
    session.value.release();
    session.value.release();
    expect(work).toHaveLength(1);
    await Promise.all(work);
    expect((await admit(env, waitUntil, state, key)).ok).toBe(true);
  });

  it("refuses when the gate cannot be reached, and survives a release that is lost", async () => {
    const overloaded = Object.assign(new Error("busy"), { overloaded: true });
    let reachable = false;
    const stub = {
      admit: async () => {
        if (!reachable) throw overloaded;
        return { ok: true, value: { permit: "p", rates: [] } };
      },
      release: () => Promise.reject(overloaded),
    };
    const broken = {
      ...env,
      TENANT_GATE: Object.assign(Object.create(env.TENANT_GATE), { getByName: () => stub }),
    };
    const { waitUntil, work } = deferred();
    const state = snapshot({}, { concurrent_runs: 1 });
    expect(await admit(broken, waitUntil, state, key)).toEqual({
      ok: false,
      error: { error: { code: "unavailable", retryAfterMs: 1000 }, rates: [] },
    });
    reachable = true;
    const session = await admit(broken, waitUntil, state, key);
    if (!session.ok) throw new Error("refused");
    session.value.release();
    await expect(Promise.all(work)).resolves.toBeDefined();
  });
});
