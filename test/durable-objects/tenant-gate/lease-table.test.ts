/** What the gate lends: never more than there is, never while older leases may still be spent, and gone when its time is over. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { GateMemory } from "../../../durable-objects/tenant-gate/gate-memory.ts";
import { MAX_BORROWERS } from "../../../durable-objects/tenant-gate/lease-table.ts";
import type { RateWish } from "../../../src/contract/exchange.ts";

const T0 = 1_000_000;
const TTL_MS = 1000;
const RUN_MS = 5000;

/** A thousand a second, at most five hundred of them at once. */
const LIMIT = { limit: 1000, window_s: 1, burst: 500 };

function wish(news: Partial<RateWish> = {}): RateWish {
  return { id: "r", limit: LIMIT, left: 0, wants: 100, cost: 1, owed: 0, ...news };
}

/** Lends tokens as the gate does: what is lent leaves the bucket. */
function lend(memory: GateMemory, isolate: string, news: Partial<RateWish> = {}, nowMs = T0) {
  const wishes = { ttlMs: TTL_MS, permitTtlMs: RUN_MS, rates: [wish(news)], permits: [] };
  const { answer, buckets } = memory.leases.lend(memory, isolate, wishes, nowMs);
  for (const { id, bucket } of buckets) memory.debit(id, bucket);
  const [lent] = answer.rates;
  if (lent === undefined) throw new Error("nothing was answered");
  return { ...lent, debits: buckets.length };
}

describe("tokens lent", () => {
  it("leave the bucket, and the answer says how it stands then", () => {
    const memory = new GateMemory();
    expect(lend(memory, "a")).toEqual({
      id: "r",
      tokens: 100,
      ttlMs: TTL_MS,
      waitMs: 0,
      isExact: false,
      remaining: 400,
      resetMs: 100,
      debits: 1,
    });
    expect(memory.bucket("r")?.tokens).toBe(400);
    expect(memory.leases.outstanding("r", T0)).toBe(100);
  });

  it("are outstanding until their lease ends, and no longer", () => {
    const memory = new GateMemory();
    lend(memory, "a");
    expect(memory.leases.endsMs).toBe(T0 + TTL_MS);
    expect(memory.leases.outstanding("r", T0 + TTL_MS - 1)).toBe(100);
    expect(memory.leases.outstanding("r", T0 + TTL_MS)).toBe(0);
    expect(memory.leases.outstanding("another", T0)).toBe(0);
  });

  it("end last when the last of those who hold any ends", () => {
    const memory = new GateMemory();
    lend(memory, "a");
    lend(memory, "b", { wants: 0 }, T0 + 5);
    expect(memory.leases.endsMs).toBe(T0 + TTL_MS);
    lend(memory, "c", { wants: 1 }, T0 + 10);
    expect(memory.leases.endsMs).toBe(T0 + 10 + TTL_MS);
  });

  it("are none while leases of before a restart may still be spent", () => {
    const memory = new GateMemory();
    memory.leases.learnUntil(T0 + 10);
    expect(lend(memory, "a", {}, T0 + 9)).toMatchObject({ tokens: 0, isExact: true, debits: 0 });
    expect(memory.leases.endsMs).toBe(0);
    expect(lend(memory, "a", {}, T0 + 10)).toMatchObject({ tokens: 100, isExact: false });
  });

  it("count what an isolate says it still has, as far as it was lent that", () => {
    const memory = new GateMemory();
    lend(memory, "a");
    // Sixty were spent, forty are left of the hundred.
    lend(memory, "a", { left: 40, wants: 10 });
    expect(memory.leases.outstanding("r", T0)).toBe(50);
    lend(memory, "a", { left: 9_999, wants: 0 });
    expect(memory.leases.outstanding("r", T0)).toBe(50);
    lend(memory, "stranger", { left: 9_999, wants: 0 });
    expect(memory.leases.outstanding("r", T0)).toBe(50);
  });

  it("and the bucket hold together no more than the burst and what comes in a lease", () => {
    const memory = new GateMemory();
    const bucket = { limit: 1000, windowMs: 1000, burst: 500 };
    expect(memory.leases.most("r", bucket, T0)).toBe(500);
    for (const isolate of ["a", "b", "c"]) lend(memory, isolate, { wants: 400 }, T0);
    const out = memory.leases.outstanding("r", T0);
    expect(out).toBeGreaterThan(0);
    // Under a lower limit nothing is there until what is lent is less than that.
    expect(memory.leases.most("r", { limit: 1, windowMs: 1000, burst: 10 }, T0)).toBe(0);
    // Nothing is spent; the bucket fills again only as far as the burst and one lease's gain allow.
    for (let nowMs = T0; nowMs < T0 + TTL_MS; nowMs += 50) {
      const held = memory.current("r", bucket, nowMs).tokens;
      const outstanding = memory.leases.outstanding("r", nowMs);
      expect(held + outstanding).toBeLessThanOrEqual(500 + 1000);
      expect(memory.leases.most("r", bucket, nowMs)).toBe(
        Math.min(500, Math.max(0, 500 + 1000 - outstanding)),
      );
    }
    expect(memory.current("r", bucket, T0 + TTL_MS).tokens).toBe(500);
  });

  it("and are not spent leave the bucket no more room than that", () => {
    const memory = new GateMemory();
    const keep = (nowMs: number) =>
      lend(memory, "a", { left: 400, wants: 0 }, nowMs).tokens +
      lend(memory, "b", { left: 500, wants: 0 }, nowMs).tokens;
    expect(lend(memory, "a", { wants: 400 }).tokens).toBe(400);
    expect(lend(memory, "a", { left: 400, wants: 0 }, T0 + 500).tokens).toBe(0);
    expect(lend(memory, "b", { wants: 500 }, T0 + 500).tokens).toBe(500);
    expect(keep(T0 + 1000)).toBe(0);
    expect(lend(memory, "c", { wants: 500 }, T0 + 1000).tokens).toBe(500);
    keep(T0 + 1500);
    const bucket = { limit: 1000, windowMs: 1000, burst: 500 };
    expect(memory.leases.outstanding("r", T0 + 1500)).toBe(1400);
    expect(memory.current("r", bucket, T0 + 1500)).toMatchObject({ tokens: 100, parts: 0 });
  });

  it("are paid for by nobody else: what was spent on credit is taken from the bucket, a window's quota in debt at most", () => {
    const memory = new GateMemory();
    expect(lend(memory, "a", { wants: 0, owed: 30 })).toMatchObject({
      tokens: 0,
      remaining: 470,
      debits: 1,
    });
    expect(lend(memory, "a", { wants: 0, owed: 99_999 })).toMatchObject({ remaining: -1000 });
    expect(lend(memory, "a", { wants: 0, owed: 99_999 })).toMatchObject({ remaining: -1000 });
    expect(lend(memory, "a", { wants: 0, owed: -50 })).toMatchObject({
      remaining: -950,
      debits: 1,
    });
    expect(lend(memory, "a", { wants: 0 })).toMatchObject({ debits: 0 });
  });

  it("of a strict limit live half a second", () => {
    const memory = new GateMemory();
    const strict = { limit: 10_000, window_s: 1, strict: true };
    expect(lend(memory, "a", { limit: strict })).toMatchObject({ ttlMs: 500, tokens: 100 });
    expect(memory.leases.outstanding("r", T0 + 499)).toBe(100);
    expect(memory.leases.outstanding("r", T0 + 500)).toBe(0);
  });

  it("go to so many isolates and no more; the others are decided one by one", () => {
    const memory = new GateMemory();
    const limit = { limit: 1_000_000, window_s: 1, burst: 1_000_000 };
    for (let n = 0; n < MAX_BORROWERS; n += 1)
      expect(lend(memory, `i${n}`, { limit, wants: 1 })).toMatchObject({ tokens: 1 });
    expect(lend(memory, "one more", { limit })).toMatchObject({ isExact: true, tokens: 0 });
    expect(memory.leases.outstanding("r", T0)).toBe(MAX_BORROWERS);
    // Those who have one keep it, and a place is free when a lease has ended.
    expect(lend(memory, "i0", { limit, left: 1, wants: 5 })).toMatchObject({ tokens: 5 });
    const laterMs = T0 + TTL_MS;
    expect(lend(memory, "one more", { limit }, laterMs)).toMatchObject({ isExact: false });
  });

  it("are shared: nobody gets what others need as much", () => {
    const memory = new GateMemory();
    const limit = { limit: 1000, window_s: 1, burst: 1000 };
    lend(memory, "a", { limit, wants: 900 });
    lend(memory, "b", { limit, wants: 900 });
    const again = T0 + TTL_MS / 2;
    const { tokens } = lend(memory, "c", { limit, wants: 900 }, again);
    // Six hundred are there and a thousand come in a lease: a third of that each.
    expect(tokens).toBeLessThanOrEqual(Math.ceil((2 * 1000) / 3));
  });

  it("are never more than burst + rate × elapsed, whoever asks when", () => {
    const step = fc.record({
      waitMs: fc.nat({ max: 700 }),
      isolate: fc.nat({ max: 4 }),
      wants: fc.nat({ max: 800 }),
      spent: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = new GateMemory();
        const left = new Map<number, { tokens: number; endsMs: number }>();
        let nowMs = T0;
        let all = 0;
        for (const { waitMs, isolate, wants, spent } of steps) {
          nowMs += waitMs;
          const had = left.get(isolate);
          const held = had === undefined || had.endsMs <= nowMs ? 0 : had.tokens;
          const rest = Math.floor((held * (100 - spent)) / 100);
          const { tokens } = lend(memory, `i${isolate}`, { left: rest, wants }, nowMs);
          all += tokens;
          left.set(isolate, { tokens: rest + tokens, endsMs: nowMs + TTL_MS });
          expect(tokens).toBeLessThanOrEqual(wants);
          expect(all).toBeLessThanOrEqual(500 + (nowMs - T0));
          const outstanding = [...left.values()]
            .filter(({ endsMs }) => endsMs > nowMs)
            .reduce((sum, { tokens: held_ }) => sum + held_, 0);
          expect(memory.leases.outstanding("r", nowMs)).toBe(outstanding);
        }
      }),
      { seed: 20_261_123, numRuns: 200 },
    );
  });
});
