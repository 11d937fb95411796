/** The decision about one request: all of its limits or none, and when it would pass. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { decide } from "../../../durable-objects/tenant-gate/decide.ts";
import { GateMemory } from "../../../durable-objects/tenant-gate/gate-memory.ts";
import type { AdmissionRequest } from "../../../src/contract/admission.ts";

const T0 = 1_000_000;

type Rate = AdmissionRequest["rates"][number];

function asked(rates: readonly Rate[], concurrency: AdmissionRequest["concurrency"] = []) {
  return { rates, concurrency, permitTtlMs: 1000 };
}

/** Decides and, when it was granted, puts the debits in force. */
function pass(memory: GateMemory, request: AdmissionRequest, nowMs: number): boolean {
  const decision = decide(memory, request, nowMs);
  if (!decision.ok) return false;
  for (const { id, bucket } of decision.value.buckets) memory.debit(id, bucket);
  return true;
}

const FAST: Rate = { id: "fast", limit: { limit: 10, window_s: 1, burst: 5 } };
const SLOW: Rate = { id: "slow", limit: { limit: 10, window_s: 60, burst: 3 }, cost: 2 };

describe("decide", () => {
  it("debits every limit of a granted request and says how each stands", () => {
    const memory = new GateMemory();
    const decision = decide(memory, asked([FAST, SLOW]), T0);
    expect(decision).toMatchObject({
      ok: true,
      value: {
        buckets: [
          { id: "fast", bucket: { tokens: 4 } },
          { id: "slow", bucket: { tokens: 1 } },
        ],
        rates: [
          { id: "fast", limit: 10, windowS: 1, remaining: 4, resetMs: 100 },
          { id: "slow", limit: 10, windowS: 60, remaining: 1, resetMs: 12_000 },
        ],
      },
    });
    expect(memory.bucket("fast")).toBeUndefined();
  });

  it("refuses by the limit that is longest in coming, whatever the order, and debits none", () => {
    for (const rates of [
      [FAST, SLOW],
      [SLOW, FAST],
    ]) {
      const memory = new GateMemory();
      pass(memory, asked([{ ...FAST, cost: 5 }, SLOW]), T0);
      expect(decide(memory, asked(rates), T0)).toMatchObject({
        ok: false,
        error: { code: "quota_exceeded", limit: "slow", retryAfterMs: 6000 },
      });
      expect([memory.bucket("fast")?.tokens, memory.bucket("slow")?.tokens]).toEqual([0, 1]);
    }
  });

  it("names the first of limits that are equally long in coming", () => {
    const memory = new GateMemory();
    const both = [FAST, { ...FAST, id: "faster" }];
    for (let n = 0; n < 5; n += 1) pass(memory, asked(both), T0);
    expect(decide(memory, asked(both), T0)).toMatchObject({ error: { limit: "fast" } });
  });

  it("refuses one run more than may, until so many have ended that it fits", () => {
    const memory = new GateMemory();
    const runs = { id: "runs", max: 2 };
    const hold = (endsMs: number) =>
      memory.permits.hold([{ id: "runs", max: 3 }], endsMs, () => `s${endsMs}`);
    hold(T0 + 300);
    expect(decide(memory, asked([], [runs]), T0).ok).toBe(true);
    hold(T0 + 100);
    hold(T0 + 200);
    expect(decide(memory, asked([FAST], [runs]), T0)).toMatchObject({
      ok: false,
      error: {
        code: "concurrency_exceeded",
        limit: "runs",
        retryAfterMs: 200,
        rates: [{ id: "fast", remaining: 5 }],
      },
    });
    expect(decide(memory, asked([], [{ ...runs, max: 3 }]), T0)).toMatchObject({
      error: { retryAfterMs: 100 },
    });
    expect(decide(memory, asked([], [{ ...runs, max: 4 }]), T0).ok).toBe(true);
  });

  it("counts permits that isolates hold in bundles", () => {
    const memory = new GateMemory();
    memory.leases.load({ isolate: "a", limit: "runs", lent: 19, endsMs: T0 + 700 });
    expect(decide(memory, asked([], [{ id: "runs", max: 20 }]), T0).ok).toBe(true);
    memory.permits.hold([{ id: "runs", max: 20 }], T0 + 900, () => "s");
    expect(decide(memory, asked([], [{ id: "runs", max: 20 }]), T0)).toMatchObject({
      ok: false,
      error: { retryAfterMs: 700 },
    });
  });

  it("grants what costs more than the burst once the bucket is full, and the rest is a debt", () => {
    const memory = new GateMemory();
    const costly = asked([{ ...FAST, cost: 8 }]);
    expect(pass(memory, costly, T0)).toBe(true);
    expect(memory.bucket("fast")?.tokens).toBe(-3);
    expect(decide(memory, costly, T0)).toMatchObject({ error: { retryAfterMs: 800 } });
    expect(pass(memory, costly, T0 + 799)).toBe(false);
    expect(pass(memory, costly, T0 + 800)).toBe(true);
  });

  it("says to the millisecond when a refused request would pass, if nothing else came", () => {
    const rate = fc.record({
      limit: fc.integer({ min: 1, max: 500 }),
      window_s: fc.integer({ min: 1, max: 20 }),
      burst: fc.integer({ min: 1, max: 40 }),
      cost: fc.integer({ min: 1, max: 60 }),
    });
    const gaps = fc.array(fc.nat({ max: 300 }), { maxLength: 30 });
    fc.assert(
      fc.property(fc.array(rate, { minLength: 1, maxLength: 3 }), gaps, (rates, waits) => {
        const memory = new GateMemory();
        const request = asked(rates.map(({ cost, ...limit }, n) => ({ id: `r${n}`, limit, cost })));
        let nowMs = T0;
        for (const waitMs of waits) {
          nowMs += waitMs;
          const decision = decide(memory, request, nowMs);
          if (decision.ok) {
            pass(memory, request, nowMs);
            continue;
          }
          const { retryAfterMs } = decision.error;
          expect(retryAfterMs).toBeGreaterThan(0);
          expect(decide(memory, request, nowMs + retryAfterMs - 1).ok).toBe(false);
          expect(decide(memory, request, nowMs + retryAfterMs).ok).toBe(true);
        }
      }),
      { seed: 20_261_123, numRuns: 200 },
    );
  });
});
