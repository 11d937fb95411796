import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decide } from "../../durable-objects/tenant-gate/decide.ts";
import { GateMemory } from "../../durable-objects/tenant-gate/gate-memory.ts";
import type { AdmissionRequest } from "../../src/contract/admission.ts";

const SEED = 20_261_122;

function gate() {
  return env.TENANT_GATE.getByName(crypto.randomUUID());
}

function rate(id: string, limit: number, window_s = 60, burst?: number) {
  return { id, limit: { limit, window_s, ...(burst === undefined ? {} : { burst }) } };
}

function asking(part: Partial<AdmissionRequest>): AdmissionRequest {
  return { rates: [], concurrency: [], permitTtlMs: 60_000, ...part };
}

describe("TenantGate.admit", () => {
  it("grants up to the burst and says what is left and when it is full again", async () => {
    const stub = gate();
    const request = asking({ rates: [rate("tenant:60", 2)] });
    const first = await stub.admit(request);
    expect(first).toMatchObject({
      ok: true,
      value: { permit: null, rates: [{ id: "tenant:60", limit: 2, windowS: 60, remaining: 1 }] },
    });
    await stub.admit(request);
    const third = await stub.admit(request);
    expect(third).toMatchObject({
      ok: false,
      error: { code: "quota_exceeded", limit: "tenant:60", rates: [{ remaining: 0 }] },
    });
    if (third.ok) return;
    expect(third.error.retryAfterMs).toBeGreaterThan(25_000);
    expect(third.error.retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  it("consumes nothing when any limit refuses", async () => {
    const stub = gate();
    const full = asking({ concurrency: [{ id: "tenant", max: 1 }] });
    const held = await stub.admit(full);
    const both = asking({ ...full, rates: [rate("tenant:60", 5)] });
    for (let n = 0; n < 10; n += 1) {
      expect(await stub.admit(both)).toMatchObject({
        ok: false,
        error: { code: "concurrency_exceeded", limit: "tenant", rates: [{ remaining: 5 }] },
      });
    }
    if (!held.ok || held.value.permit === null) throw new Error("no permit");
    await stub.release(held.value.permit);
    expect(await stub.admit(both)).toMatchObject({
      ok: true,
      value: { rates: [{ remaining: 4 }] },
    });
  });

  it("checks every level of one request", async () => {
    const stub = gate();
    const rates = [rate("operator:60", 100), rate("tenant:60", 100), rate("key:a:60", 1)];
    expect((await stub.admit(asking({ rates }))).ok).toBe(true);
    expect(await stub.admit(asking({ rates }))).toMatchObject({
      ok: false,
      error: { limit: "key:a:60", rates: [{ remaining: 99 }, { remaining: 99 }, { remaining: 0 }] },
    });
    const other = [...rates.slice(0, 2), rate("key:b:60", 1)];
    expect((await stub.admit(asking({ rates: other }))).ok).toBe(true);
  });

  it("keeps the spent tokens and the held permits after the object is evicted", async () => {
    const stub = gate();
    const request = asking({
      rates: [rate("tenant:86400", 3, 86_400)],
      concurrency: [
        { id: "tenant", max: 2 },
        { id: "key:a", max: 2 },
      ],
    });
    const permits: string[] = [];
    for (let n = 0; n < 2; n += 1) {
      const granted = await stub.admit(request);
      if (!granted.ok || granted.value.permit === null) throw new Error("refused");
      permits.push(granted.value.permit);
      await evictDurableObject(stub);
    }
    expect(await stub.admit(request)).toMatchObject({
      ok: false,
      error: { code: "concurrency_exceeded", rates: [{ remaining: 1 }] },
    });
    await evictDurableObject(stub);
    for (const permit of permits) await stub.release(permit);
    await evictDurableObject(stub);
    expect((await stub.admit(request)).ok).toBe(true);
    const last = await stub.admit(request);
    expect(last).toMatchObject({ ok: false, error: { code: "quota_exceeded" } });
  });

  it("does not refill a bucket whose limit is changed while it is in use", async () => {
    const stub = gate();
    const ask = (limit: number, burst?: number) =>
      stub.admit(asking({ rates: [rate("tenant:86400", limit, 86_400, burst)] }));
    await ask(2);
    await ask(2);
    for (const limit of [2, 50, 1, 86_400]) {
      expect(await ask(limit), `limit ${limit}`).toMatchObject({
        ok: false,
        error: { rates: [{ remaining: 0 }] },
      });
    }
  });

  it("gives permits back once, whoever asks twice", async () => {
    const stub = gate();
    const request = asking({ concurrency: [{ id: "tenant", max: 2 }] });
    const [a, b] = [await stub.admit(request), await stub.admit(request)];
    if (!a.ok || a.value.permit === null || !b.ok) throw new Error("refused");
    await stub.release(a.value.permit);
    await stub.release(a.value.permit);
    await stub.release("unknown");
    expect((await stub.admit(request)).ok).toBe(true);
    expect((await stub.admit(request)).ok).toBe(false);
  });

  it("ends a permit that nobody gives back", async () => {
    const stub = gate();
    const request = asking({ concurrency: [{ id: "tenant", max: 1 }], permitTtlMs: 200 });
    expect((await stub.admit(request)).ok).toBe(true);
    const refused = await stub.admit(request);
    if (refused.ok) throw new Error("over-admitted");
    expect(refused.error.retryAfterMs).toBeLessThanOrEqual(200);
    await scheduler.wait(refused.error.retryAfterMs + 5);
    expect((await stub.admit(request)).ok).toBe(true);
    const rows = await runInDurableObject(stub, (_object, state) =>
      state.storage.sql.exec("SELECT id FROM permit").toArray(),
    );
    expect(rows).toHaveLength(1);
  });

  it("never over-admits when many ask at once", async () => {
    const stub = gate();
    const request = asking({
      rates: [rate("tenant:86400", 20, 86_400)],
      concurrency: [{ id: "tenant", max: 15 }],
    });
    const answers = await Promise.all(Array.from({ length: 60 }, () => stub.admit(request)));
    expect(answers.filter((answer) => answer.ok)).toHaveLength(15);
    const [probe] = answers.filter((answer) => !answer.ok);
    expect(probe).toMatchObject({ error: { rates: [{ remaining: 5 }] } });
  });

  it("erases everything and starts anew", async () => {
    const stub = gate();
    const request = asking({
      rates: [rate("tenant:86400", 1, 86_400)],
      concurrency: [{ id: "tenant", max: 5 }],
    });
    await stub.admit(request);
    expect(await stub.erase()).toEqual({ buckets: 1, permits: 1 });
    expect(await stub.erase()).toEqual({ buckets: 0, permits: 0 });
    expect((await stub.admit(request)).ok).toBe(true);
  });
});

describe("decide", () => {
  const limits = fc.record({
    rates: fc.array(
      fc.record({
        limit: fc.integer({ min: 1, max: 20 }),
        window_s: fc.integer({ min: 1, max: 5 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    max: fc.integer({ min: 1, max: 5 }),
    ttlMs: fc.integer({ min: 1, max: 4000 }),
    waits: fc.array(fc.integer({ min: 0, max: 600 }), { minLength: 1, maxLength: 60 }),
  });

  /** Asks and, when granted, writes what the object would write. */
  function ask(memory: GateMemory, request: AdmissionRequest, nowMs: number, permit: string) {
    memory.permits.expire(nowMs);
    const decision = decide(memory, request, nowMs);
    if (!decision.ok) return decision;
    for (const { id, bucket } of decision.value.buckets) memory.debit(id, bucket);
    memory.permits.hold(request.concurrency, nowMs + request.permitTtlMs, () => permit);
    return decision;
  }

  it("says to the millisecond when a refused request would pass, and holds every limit meanwhile", () => {
    fc.assert(
      fc.property(limits, ({ rates, max, ttlMs, waits }) => {
        const memory = new GateMemory();
        const request: AdmissionRequest = {
          rates: rates.map((limit, index) => ({ id: `r${index}`, limit })),
          concurrency: [{ id: "c", max }],
          permitTtlMs: ttlMs,
        };
        const granted: number[] = [];
        let nowMs = 0;
        let serial = 0;
        for (const wait of waits) {
          nowMs += wait;
          const before = ask(memory, request, nowMs, `p${(serial += 1)}`);
          if (before.ok) {
            granted.push(nowMs);
            continue;
          }
          const { retryAfterMs } = before.error;
          expect(retryAfterMs).toBeGreaterThan(0);
          expect(ask(memory, request, nowMs + retryAfterMs - 1, "early").ok).toBe(false);
          nowMs += retryAfterMs;
          expect(ask(memory, request, nowMs, `p${(serial += 1)}`).ok).toBe(true);
          granted.push(nowMs);
        }
        for (const [index, atMs] of granted.entries()) {
          const inFlight = granted.slice(0, index + 1).filter((start) => start + ttlMs > atMs);
          expect(inFlight.length).toBeLessThanOrEqual(max);
          for (const { limit, window_s } of rates) {
            // burst + rate × elapsed, exactly.
            expect((index + 1) * window_s * 1000).toBeLessThanOrEqual(
              limit * window_s * 1000 + limit * atMs,
            );
          }
        }
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("leaves memory as it was when it refuses", () => {
    const memory = new GateMemory();
    const request = asking({ rates: [rate("a", 1), rate("b", 5)] });
    ask(memory, request, 0, "p1");
    const before = [memory.bucket("a"), memory.bucket("b")];
    expect(decide(memory, request, 1).ok).toBe(false);
    expect([memory.bucket("a"), memory.bucket("b")]).toEqual(before);
  });

  it("names the limit with the longest wait", () => {
    const memory = new GateMemory();
    const request = asking({
      rates: [rate("fast", 1, 1), rate("slow", 1, 60)],
      concurrency: [{ id: "c", max: 1 }],
      permitTtlMs: 30_000,
    });
    ask(memory, request, 0, "p1");
    const refused = decide(memory, request, 0);
    expect(refused).toMatchObject({
      ok: false,
      error: { limit: "slow", code: "quota_exceeded", retryAfterMs: 60_000 },
    });
  });
});

describe("TenantGate.exchange", () => {
  it("tells an isolate it never heard of what the others measured, and later whoever asks", async () => {
    const stub = gate();
    await stub.exchange({
      isolate: "one",
      serial: 1,
      loads: { targets: [{ target: "a", ms: 900, ageMs: 0 }] },
    });
    const fresh = await stub.exchange({ isolate: "two", serial: 1 });
    expect(fresh.loads?.targets).toMatchObject([{ target: "a", ms: 900 }]);
    expect((await stub.exchange({ isolate: "two", serial: 2 })).loads).toBeUndefined();
    const asked = await stub.exchange({ isolate: "two", serial: 3, loads: { targets: [] } });
    expect(asked.loads?.targets).toHaveLength(1);
    const other = gate();
    expect((await other.exchange({ isolate: "two", serial: 4 })).loads?.targets).toEqual([]);
  });
});
