/** Permits the gate lends in bundles: never more than the limit, counted until the last run may have ended. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { GateMemory } from "../../../durable-objects/tenant-gate/gate-memory.ts";
import {
  LEAST_LENT_PERMITS,
  LeaseTable,
  MAX_BORROWERS,
} from "../../../durable-objects/tenant-gate/lease-table.ts";
import { SHARE_PART } from "../../../src/algorithms/permit-bundle.ts";
import type { PermitWish } from "../../../src/contract/exchange.ts";

const T0 = 1_000_000;
const TTL_MS = 1000;
const RUN_MS = 5000;
/** So long a bundle counts after it was asked for: a run may start until its lease ends, and later while the gate is away. */
const COUNTED_MS = TTL_MS + (1 + SHARE_PART) * RUN_MS;

/** Lends permits to one isolate. */
function permits(memory: GateMemory, isolate: string, news: Partial<PermitWish> = {}, nowMs = T0) {
  const one = { id: "c", max: 100, keep: 0, wants: 0, ...news };
  const wishes = { ttlMs: TTL_MS, permitTtlMs: RUN_MS, rates: [], permits: [one] };
  const { answer, bundles } = memory.leases.lend(memory, isolate, wishes, nowMs);
  return { lent: answer.permits[0]?.lent ?? -1, isExact: answer.permits[0]?.isExact, bundles };
}

describe("permits lent", () => {
  it("are half of what is free at most", () => {
    const memory = new GateMemory();
    expect(permits(memory, "a", { wants: 99 }).lent).toBe(50);
    expect(permits(memory, "b", { wants: 99 }).lent).toBe(25);
    expect(permits(memory, "c", { wants: 3 }).lent).toBe(3);
    expect(memory.leases.lent("c")).toBe(78);
    expect(memory.leases.lent("another")).toBe(0);
    // What "a" gives up is there for the next one.
    expect(permits(memory, "a", { keep: 10, wants: 10 }).lent).toBe(10);
    expect(permits(memory, "d", { wants: 99 }).lent).toBe(31);
  });

  it("leave room for those that are held one by one", () => {
    const memory = new GateMemory();
    for (let n = 0; n < 60; n += 1)
      memory.permits.hold([{ id: "c", max: 100 }], T0 + 9_000, () => `s${n}`);
    expect(permits(memory, "a", { wants: 99 }).lent).toBe(20);
  });

  it("are kept only by whoever has them, and never taken away from him", () => {
    const memory = new GateMemory();
    expect(permits(memory, "a", { keep: 30, wants: 0 }).lent).toBe(0);
    permits(memory, "a", { wants: 40 });
    for (let n = 0; n < 55; n += 1)
      memory.permits.hold([{ id: "c", max: 100 }], T0 + 9_000, () => `s${n}`);
    expect(permits(memory, "a", { keep: 40, wants: 90 }).lent).toBe(42);
    expect(permits(memory, "a", { keep: 40, wants: 5 }).lent).toBe(40);
    expect(permits(memory, "a", { keep: 99, wants: 40 }).lent).toBe(40);
  });

  it("are none of a small limit", () => {
    const memory = new GateMemory();
    const small = permits(memory, "a", { max: LEAST_LENT_PERMITS - 1, wants: 5 });
    expect(small).toEqual({ lent: 0, isExact: true, bundles: [] });
    const large = permits(memory, "a", { max: LEAST_LENT_PERMITS, wants: 5 });
    expect(large).toMatchObject({ lent: 5, isExact: false });
  });

  it("go to so many isolates and no more", () => {
    const memory = new GateMemory();
    const many = { max: 1_000_000, wants: 1 };
    for (let n = 0; n < MAX_BORROWERS; n += 1)
      expect(permits(memory, `i${n}`, many)).toMatchObject({ lent: 1, isExact: false });
    expect(permits(memory, "one more", many)).toMatchObject({ lent: 0, isExact: true });
    expect(permits(memory, "i0", { ...many, keep: 1, wants: 2 })).toMatchObject({ lent: 2 });
  });

  it("are written with slack, so that a steady borrower writes a row each half minute", () => {
    const memory = new GateMemory();
    const endsMs = T0 + COUNTED_MS;
    expect(permits(memory, "a", { wants: 10 }).bundles).toEqual([
      { isolate: "a", limit: "c", lent: 15, endsMs: endsMs + 30_000 },
    ]);
    expect(permits(memory, "a", { keep: 10, wants: 15 }, T0 + 30_000).bundles).toEqual([]);
    expect(permits(memory, "a", { keep: 15, wants: 15 }, T0 + 30_001).bundles).toMatchObject([
      { lent: 23, endsMs: endsMs + 60_001 },
    ]);
    expect(permits(memory, "a", { keep: 15, wants: 24 }, T0 + 30_001).bundles).toMatchObject([
      { lent: 36 },
    ]);
    expect(permits(memory, "a", {}, T0 + 30_001).bundles).toMatchObject([{ lent: 0 }]);
    expect(permits(memory, "a", {}, T0 + 30_001).bundles).toEqual([]);
  });

  it("end when the last run that may have started with one has ended, and their row goes", () => {
    const memory = new GateMemory();
    permits(memory, "a", { wants: 4 });
    permits(memory, "b", { wants: 2 }, T0 + 500);
    const endsMs = T0 + COUNTED_MS;
    const ends = [endsMs, endsMs, endsMs, endsMs, endsMs + 500, endsMs + 500];
    expect(memory.leases.ends("c")).toEqual(ends);
    expect(memory.leases.ends("another")).toEqual([]);
    expect(memory.leases.expire(endsMs - 1)).toEqual([]);
    expect(memory.leases.lent("c")).toBe(6);
    expect(memory.leases.expire(endsMs)).toEqual([{ isolate: "a", limit: "c", lent: 0, endsMs }]);
    expect(memory.leases.lent("c")).toBe(2);
    expect(memory.leases.expire(endsMs + 499)).toEqual([]);
    expect(memory.leases.expire(endsMs + 500)).toMatchObject([{ isolate: "b", lent: 0 }]);
    expect(memory.leases.lent("c")).toBe(0);
  });

  it("are held again after a restart, as many and as long as their row says", () => {
    const table = new LeaseTable();
    table.load({ isolate: "a", limit: "c", lent: 15, endsMs: T0 + 36_000 });
    table.load({ isolate: "b", limit: "c", lent: 1, endsMs: T0 + 40_000 });
    expect(table.lent("c")).toBe(16);
    expect(table.expire(T0 + 35_999)).toEqual([]);
    expect(table.expire(T0 + 36_000)).toHaveLength(1);
    expect(table.lent("c")).toBe(1);
    expect(table.expire(T0 + 40_000)).toHaveLength(1);
  });

  it("and those held one by one are never more than the limit, whoever asks when", () => {
    const step = fc.record({
      waitMs: fc.nat({ max: 3000 }),
      isolate: fc.nat({ max: 3 }),
      keep: fc.nat({ max: 40 }),
      wants: fc.nat({ max: 60 }),
      holds: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 15, max: 60 }),
        fc.array(step, { maxLength: 60 }),
        (max, steps) => {
          const memory = new GateMemory();
          const lent = new Map<number, { permits: number; endsMs: number }>();
          const held: number[] = [];
          let nowMs = T0;
          for (const { waitMs, isolate, keep, wants, holds } of steps) {
            nowMs += waitMs;
            memory.permits.expire(nowMs);
            memory.leases.expire(nowMs);
            const inUse = (): number =>
              [...lent.values()]
                .filter(({ endsMs }) => endsMs > nowMs)
                .reduce((sum, { permits: n }) => sum + n, 0) +
              held.filter((endsMs) => endsMs > nowMs).length;
            if (holds && inUse() < max) {
              memory.permits.hold([{ id: "c", max }], nowMs + RUN_MS, () => `s${held.length}`);
              held.push(nowMs + RUN_MS);
            } else if (!holds) {
              const got = permits(memory, `i${isolate}`, { max, keep, wants }, nowMs).lent;
              lent.set(isolate, { permits: got, endsMs: nowMs + COUNTED_MS });
            }
            expect(inUse()).toBeLessThanOrEqual(max);
            expect(memory.held("c") + memory.leases.lent("c")).toBe(inUse());
          }
        },
      ),
      { seed: 20_261_124, numRuns: 200 },
    );
  });
});
