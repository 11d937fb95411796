/** What an isolate says of its targets, when, and what becomes of what it hears. */

import { describe, expect, it } from "vitest";

import { MAX_LOADS } from "../../src/contract/exchange.ts";
import { loadPart, loadsOf, TenantLoads } from "../../src/tenancy/load-part.ts";

const T0 = 1_000_000;

describe("TenantLoads", () => {
  it("says a time that is new or has changed much, at most once a second", () => {
    const loads = new TenantLoads();
    expect(loads.isDue(T0)).toBe(false);
    loads.tell("a", { ms: 100, atMs: T0 });
    expect(loads.isDue(T0)).toBe(true);
    expect(loads.collect(T0 + 50)).toEqual({ targets: [{ target: "a", ms: 100, ageMs: 50 }] });
    loads.tell("a", { ms: 151, atMs: T0 + 100 });
    expect([loads.isDue(T0 + 1_049), loads.collect(T0 + 1_049)]).toEqual([false, null]);
    expect(loads.isDue(T0 + 1_050)).toBe(true);
    expect(loads.collect(T0 + 1_050)?.targets).toMatchObject([{ ms: 151 }]);
  });

  it("keeps small changes to itself for five seconds", () => {
    const loads = new TenantLoads();
    loads.tell("a", { ms: 100, atMs: T0 });
    loads.collect(T0);
    loads.tell("a", { ms: 119, atMs: T0 + 4_999 });
    expect(loads.collect(T0 + 4_999)).toEqual({ targets: [] });
    loads.tell("a", { ms: 119, atMs: T0 + 5_000 });
    expect(loads.isDue(T0 + 9_000)).toBe(false);
    expect(loads.collect(T0 + 9_000)?.targets).toEqual([{ target: "a", ms: 119, ageMs: 4_000 }]);
  });

  it("asks every ten seconds while it is used, and no more afterwards", () => {
    const loads = new TenantLoads();
    loads.tell("a", { ms: 100, atMs: T0 });
    loads.collect(T0);
    loads.tell("a", { ms: 100, atMs: T0 + 9_000 });
    expect([loads.isDue(T0 + 9_999), loads.isDue(T0 + 10_000)]).toEqual([false, true]);
    loads.collect(T0 + 10_000);
    expect(loads.isDue(T0 + 20_000)).toBe(false);
  });

  it("speaks of so many targets and no more: the one measured longest ago is left out", () => {
    const loads = new TenantLoads();
    for (let n = 0; n <= MAX_LOADS; n += 1) loads.tell(`t${n}`, { ms: 100, atMs: T0 });
    const said = loads.collect(T0)?.targets ?? [];
    expect([said.length, said[0]?.target]).toEqual([MAX_LOADS, "t1"]);
  });

  it("knows by its own clock when others measured", () => {
    const loads = new TenantLoads();
    expect(loads.of("a")).toBeNull();
    loads.heard({ targets: [{ target: "a", ms: 900, ageMs: 2_000 }] }, T0);
    expect(loads.of("a")).toEqual({ ms: 900, atMs: T0 - 2_000 });
    loads.heard({ targets: [] }, T0);
    expect(loads.of("a")).toBeNull();
  });
});

describe("loadPart", () => {
  it("says nothing of a tenant whose targets are never chosen among, and hears all the same", () => {
    const tenantId = crypto.randomUUID();
    expect(loadPart.isDue(tenantId, T0)).toBe(false);
    expect(loadPart.collect(tenantId, T0)).toEqual({});
    const loads = { targets: [{ target: "a", ms: 900, ageMs: 0 }] };
    loadPart.apply(tenantId, { nowMs: T0, loads }, T0, T0);
    expect(loadsOf(tenantId, T0).of("a")?.ms).toBe(900);
    // What was measured while the answer was on its way is newer.
    loadPart.apply(tenantId, { nowMs: T0, loads }, T0, T0 + 100);
    expect(loadsOf(tenantId, T0).of("a")?.atMs).toBe(T0);
    loadPart.apply(tenantId, { nowMs: T0 }, T0, T0);
    expect(loadsOf(tenantId, T0).of("a")?.ms).toBe(900);
  });

  it("says what was measured, of one tenant only", () => {
    const [one, two] = [crypto.randomUUID(), crypto.randomUUID()];
    loadsOf(one, T0).tell("a", { ms: 100, atMs: T0 });
    expect([loadPart.isDue(one, T0), loadPart.isDue(two, T0)]).toEqual([true, false]);
    expect(loadPart.collect(one, T0).loads?.targets).toHaveLength(1);
    expect(loadPart.collect(two, T0)).toEqual({});
  });
});
