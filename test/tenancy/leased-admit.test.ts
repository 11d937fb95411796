import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import type { AdmissionRequest } from "../../src/contract/admission.ts";
import type { ExchangeRequest } from "../../src/contract/exchange.ts";
import type { KeyRecord } from "../../src/contract/key.ts";
import type { Limits } from "../../src/contract/limits.ts";
import type { TenantSnapshot } from "../../src/contract/tenant.ts";
import { admit } from "../../src/tenancy/admit.ts";
import { defaultPolicy } from "../../src/tenancy/policy.ts";

const KEY: KeyRecord = {
  keyId: "key_1",
  tenantId: "ten_1",
  residency: "none",
  scopes: ["run"],
  tools: null,
  limits: null,
  expiresAtMs: null,
};

function snapshot(limits: Limits): TenantSnapshot {
  return {
    tenantId: `ten_${crypto.randomUUID()}`,
    residency: "none",
    version: 1,
    ceiling: {},
    policy: { ...defaultPolicy("robust", "auto"), limits },
    policyVersion: 1,
    tools: [],
    upstreams: [],
    mcpServers: [],
    secrets: [],
    dataKey: { key: "v1", iv: "", ct: "" },
  };
}

/** The real gate, with every call to it counted, and the power to make it fail. */
function watchedGate() {
  const calls = { admit: 0, exchange: 0, release: 0, isDown: false };
  const overloaded = () => Object.assign(new Error("busy"), { overloaded: true });
  const getByName = (name: string) => {
    const stub = env.TENANT_GATE.getByName(name);
    return {
      admit: async (request: AdmissionRequest) => {
        calls.admit += 1;
        if (calls.isDown) throw overloaded();
        return stub.admit(request);
      },
      exchange: async (request: ExchangeRequest) => {
        calls.exchange += 1;
        if (calls.isDown) throw overloaded();
        return stub.exchange(request);
      },
      release: async (permit: string) => {
        calls.release += 1;
        return stub.release(permit);
      },
    };
  };
  const TENANT_GATE = Object.assign(Object.create(env.TENANT_GATE), { getByName });
  return { calls, watched: { ...env, TENANT_GATE } };
}

const LIMITS: Limits = {
  requests: [{ limit: 60_000, window_s: 10, burst: 60_000 }],
  concurrent_runs: 1000,
};

/** So many requests, a few every millisecond, each ended at once; how many passed. */
async function traffic(
  watched: Pick<Env, "TENANT_GATE" | "ROLE">,
  state: TenantSnapshot,
  count: number,
): Promise<{ readonly passed: number; readonly work: readonly Promise<unknown>[] }> {
  const work: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => void work.push(promise);
  let passed = 0;
  for (let n = 0; n < count; n += 1) {
    const session = await admit(watched, waitUntil, state, KEY);
    if (session.ok) {
      passed += 1;
      session.value.release();
    }
    if (n % 3 === 2) await scheduler.wait(1);
  }
  return { passed, work };
}

describe("admit under steady traffic", () => {
  it("waits for the gate in at most one request of twenty, and gives everything back", async () => {
    const { calls, watched } = watchedGate();
    const state = snapshot(LIMITS);
    const warm = await traffic(watched, state, 150);
    const before = { ...calls };
    const { passed, work } = await traffic(watched, state, 1000);
    expect(passed).toBe(1000);
    expect(calls.admit - before.admit).toBeLessThanOrEqual(50);
    expect(calls.exchange - before.exchange).toBeGreaterThan(0);
    await Promise.all([...warm.work, ...work]);
    // Every permit is free again: all of them can be held one by one.
    const gate = env.TENANT_GATE.getByName(state.tenantId);
    const all = { rates: [], concurrency: [{ id: "tenant", max: 1000 }], permitTtlMs: 60_000 };
    let held = 0;
    while (held < 1000 && (await gate.admit(all)).ok) held += 1;
    expect(held).toBe(1000);
  });

  it("shows what is left of a limit though it asks nobody", async () => {
    const { calls, watched } = watchedGate();
    const state = snapshot({ requests: [{ limit: 60_000, window_s: 10, burst: 60_000 }] });
    await traffic(watched, state, 150);
    const { admit: asked } = calls;
    const session = await admit(watched, () => {}, state, KEY);
    expect(calls.admit).toBe(asked);
    if (!session.ok) throw new Error("refused");
    const [view] = session.value.rates;
    expect(view).toMatchObject({ id: "tenant:10", limit: 60_000, windowS: 10 });
    expect(view?.remaining).toBeGreaterThan(59_000);
    expect(view?.remaining).toBeLessThanOrEqual(60_000);
  });

  it("goes on at what it was lent while the gate is away, and no faster", async () => {
    const { calls, watched } = watchedGate();
    const state = snapshot({ requests: [{ limit: 60_000, window_s: 10 }] });
    const { work } = await traffic(watched, state, 150);
    await Promise.all(work);
    calls.isDown = true;
    let passed = 0;
    for (let n = 0; n < 20_000; n += 1) {
      if ((await admit(watched, () => {}, state, KEY)).ok) passed += 1;
      if (n % 1000 === 0) await scheduler.wait(20);
    }
    expect(passed).toBeGreaterThan(0);
    expect(passed).toBeLessThan(15_000);
  });

  it("admits a permit by name when it is handed to another owner", async () => {
    const { calls, watched } = watchedGate();
    const state = snapshot(LIMITS);
    await traffic(watched, state, 150);
    const asked = calls.admit;
    const session = await admit(watched, () => {}, state, KEY, { handsOver: true });
    if (!session.ok) throw new Error("refused");
    expect(calls.admit).toBe(asked + 1);
    expect(session.value.handOver()).toEqual(expect.any(String));
  });
});

describe("TenantGate.exchange", () => {
  const request: ExchangeRequest = {
    isolate: "a",
    serial: 1,
    leases: {
      ttlMs: 500,
      permitTtlMs: 60_000,
      rates: [
        {
          id: "tenant:60",
          limit: { limit: 6000, window_s: 60, burst: 6000 },
          left: 0,
          wants: 100,
          cost: 1,
          owed: 0,
        },
      ],
      permits: [{ id: "tenant", max: 100, keep: 0, wants: 10 }],
    },
  };

  it("debits what it lends, and answers a question once", async () => {
    const gate = env.TENANT_GATE.getByName(crypto.randomUUID());
    const answer = await gate.exchange(request);
    expect(answer.leases).toEqual({
      rates: [
        {
          id: "tenant:60",
          tokens: 100,
          ttlMs: 500,
          waitMs: 0,
          isExact: false,
          remaining: 5900,
          resetMs: 1000,
        },
      ],
      permits: [{ id: "tenant", lent: 10, isExact: false }],
    });
    expect((await gate.exchange(request)).leases).toBeUndefined();
  });

  it("keeps lent tokens spent and lent permits held after the object is evicted, and lends nothing meanwhile", async () => {
    const gate = env.TENANT_GATE.getByName(crypto.randomUUID());
    await gate.exchange(request);
    await evictDurableObject(gate);
    const again = await gate.exchange({ ...request, isolate: "b" });
    expect(again.leases?.rates).toMatchObject([{ tokens: 0, isExact: true }]);
    expect(again.leases?.rates[0]?.remaining).toBeLessThanOrEqual(5900);
    // The ten lent to the isolate of before are still held, with their slack.
    const one = { rates: [], concurrency: [{ id: "tenant", max: 100 }], permitTtlMs: 60_000 };
    let held = 0;
    while (held < 100 && (await gate.admit(one)).ok) held += 1;
    expect(held).toBeLessThanOrEqual(80);
  });

  it("takes what was spent on credit, as a debt that is paid first", async () => {
    const gate = env.TENANT_GATE.getByName(crypto.randomUUID());
    const limit = { limit: 10, window_s: 60, burst: 10 };
    const [rate] = request.leases?.rates ?? [];
    if (rate === undefined || request.leases === undefined) throw new Error("no rate");
    const owing = { ...rate, limit, wants: 0, owed: 15 };
    await gate.exchange({ ...request, leases: { ...request.leases, rates: [owing] } });
    const refused = await gate.admit({
      rates: [{ id: "tenant:60", limit }],
      concurrency: [],
      permitTtlMs: 1000,
    });
    expect(refused).toMatchObject({ ok: false, error: { code: "quota_exceeded" } });
    if (refused.ok) return;
    expect(refused.error.retryAfterMs).toBeGreaterThan(30_000);
  });
});
