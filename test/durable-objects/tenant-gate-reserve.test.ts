import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { MAX_BUCKETS } from "../../durable-objects/tenant-gate/gate-memory.ts";
import type { AdmissionRequest } from "../../src/contract/admission.ts";

describe("TenantGate with limits large enough for a reserve", () => {
  it("still holds them after an eviction, and deletes the rows of buckets it forgets", async () => {
    const stub = env.TENANT_GATE.getByName(crypto.randomUUID());
    const request: AdmissionRequest = {
      rates: [{ id: "r", limit: { limit: 50, window_s: 1, burst: 200 } }],
      concurrency: [{ id: "c", max: 100 }],
      permitTtlMs: 60_000,
    };
    for (let n = 0; n < 60; n += 1) {
      const granted = await stub.admit(request);
      if (n < 20 && granted.ok && granted.value.permit !== null) {
        await stub.release(granted.value.permit);
      }
    }
    await evictDurableObject(stub);
    const after = await stub.admit({ ...request, concurrency: [{ id: "c", max: 40 }] });
    expect(after).toMatchObject({ ok: false, error: { code: "concurrency_exceeded" } });
    await runInDurableObject(stub, (object, { storage: { sql } }) => {
      for (let n = 0; n < MAX_BUCKETS; n += 1) {
        sql.exec("INSERT INTO bucket VALUES (?, 1, 0, 0, 1, 1000, 1)", `full ${n}`);
      }
      expect(object).toBeDefined();
    });
    await evictDurableObject(stub);
    await stub.admit({ ...request, concurrency: [] });
    const rows = await runInDurableObject(stub, (_object, { storage: { sql } }) =>
      sql.exec<{ id: string }>("SELECT id FROM bucket").toArray(),
    );
    expect(rows).toEqual([{ id: "r" }]);
  });
});
