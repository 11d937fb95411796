/** The breakers of a tenant, in its gate: shared by all isolates, kept over evictions, apart from other tenants'. */

import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import type { BreakerWord, TargetWord } from "../../src/contract/breaker.ts";
import { BreakerTable, MAX_BREAKERS } from "../../durable-objects/tenant-gate/breaker-table.ts";

const T0 = 1_000_000;

function seen(target: string, news: Partial<TargetWord> = {}): TargetWord {
  const none = { good: 0, bad: 0, timedOut: 0, limited: 0, baseline: null, holdMs: 0 };
  return { target, ...none, answers: [], ...news };
}

function word(...targets: TargetWord[]): BreakerWord {
  return { targets };
}

function table(): BreakerTable {
  return new BreakerTable(() => 0.5);
}

/** A table whose breaker "a" is open since T0, until T0 + 3,750. */
function opened(): BreakerTable {
  const breakers = table();
  breakers.take(word(seen("a", { bad: 5 })), T0);
  return breakers;
}

describe("BreakerTable", () => {
  it("opens on what several isolates have seen together, and tells all of them", () => {
    const breakers = table();
    for (let n = 0; n < 5; n += 1) breakers.take(word(seen("a", { bad: 1 })), T0 + n);
    const { answer } = breakers.take(word(), T0 + 5);
    expect(answer.shared).toMatchObject([
      { target: "a", phase: "open", cause: "failures", forced: null },
    ]);
  });

  it("stays closed while one isolate fails alone among others that do not", () => {
    const breakers = table();
    for (let n = 0; n < 5; n += 1) {
      breakers.take(word(seen("a", { bad: 1 })), T0);
      for (let other = 0; other < 9; other += 1) breakers.take(word(seen("a", { good: 1 })), T0);
    }
    expect(breakers.take(word(), T0).answer.shared).toEqual([]);
  });

  it("leases exactly 1, 3 and 10 probes to fifty isolates that race for them", () => {
    const breakers = opened();
    const nowMs = T0 + 4_000;
    for (const places of [1, 3, 10]) {
      const probes = Array.from(
        { length: 50 },
        () =>
          breakers.take({ targets: [], probe: { target: "a", ttlMs: 1_000 } }, nowMs).answer.probe,
      ).filter((probe) => probe !== null);
      expect(probes).toHaveLength(places);
      for (const probe of probes)
        breakers.take(word(seen("a", { answers: [{ probe, end: "good" }] })), nowMs);
    }
    expect(breakers.take(word(), nowMs).answer.shared).toEqual([]);
  });

  it("knows nothing of targets that never failed, and forgets a closed one before it holds too many", () => {
    const breakers = table();
    breakers.take(word(seen("fine", { good: 100 })), T0);
    expect(breakers.list(T0)).toEqual([]);
    for (let n = 0; n <= MAX_BREAKERS; n += 1) breakers.take(word(seen(`t${n}`, { bad: 1 })), T0);
    expect(breakers.list(T0)).toHaveLength(MAX_BREAKERS);
  });

  it("writes a row at a transition, none for counts", () => {
    const breakers = table();
    expect(breakers.take(word(seen("a", { good: 9, bad: 1 })), T0).rows).toEqual([]);
    expect(breakers.take(word(seen("a", { bad: 9 })), T0).rows).toMatchObject([
      { target: "a", state: { phase: "open" }, record: { openings: 1, downSinceMs: T0 } },
    ]);
    expect(breakers.take(word(seen("a", { bad: 9 })), T0).rows).toEqual([]);
  });

  it("tells how often and for how long a target fails", () => {
    const breakers = opened();
    let nowMs = T0 + 4_000;
    for (const places of [1, 3, 10]) {
      for (let n = 0; n < places; n += 1) {
        const ask = { targets: [], probe: { target: "a", ttlMs: 1_000 } };
        const { probe } = breakers.take(ask, nowMs).answer;
        breakers.take(word(seen("a", { answers: [{ probe: probe ?? -1, end: "good" }] })), nowMs);
      }
    }
    nowMs += 16_000;
    expect(breakers.list(nowMs)).toMatchObject([
      { name: "a", state: "closed", openings: 1, mttr_s: 4, mtbf_s: 16, pattern: null },
    ]);
  });

  it("labels failures by their shape", () => {
    const cascading = table();
    for (const name of ["a", "b", "c"]) cascading.take(word(seen(name, { bad: 5 })), T0);
    expect(cascading.list(T0).map(({ pattern }) => pattern)).toEqual(
      Array.from({ length: 3 }, () => "cascading"),
    );
    const slow = table();
    slow.take(word(seen("a", { bad: 5, timedOut: 5 })), T0);
    expect(slow.list(T0)[0]?.pattern).toBe("timeout_spiral");
    const spent = table();
    spent.take(word(seen("a", { bad: 5, limited: 20 })), T0);
    expect(spent.list(T0)[0]?.pattern).toBe("exhaustion");
    expect(opened().list(T0)[0]?.pattern).toBeNull();
  });

  it("obeys force, and lets go", () => {
    const breakers = opened();
    breakers.force("a", "closed", T0);
    expect(breakers.list(T0)).toMatchObject([{ state: "forced_closed" }]);
    breakers.force("b", "open", T0);
    expect(breakers.take(word(), T0).answer.shared).toMatchObject([
      { target: "a", forced: "closed" },
      { target: "b", forced: "open" },
    ]);
    for (const name of ["a", "b"]) breakers.force(name, "auto", T0);
    expect(breakers.take(word(), T0).answer.shared).toEqual([]);
  });
});

describe("TenantGate, breakers", () => {
  it("keeps an open breaker, until when, and a forced one, after the object is evicted", async () => {
    const gate = env.TENANT_GATE.getByName("breakers kept");
    await gate.breakers(word(seen("a", { bad: 5 })));
    await gate.forceBreakers(["b"], "open");
    const before = await gate.breakers(word());
    await evictDurableObject(gate);
    const after = await gate.breakers(word());
    expect(after.shared).toHaveLength(2);
    const [a, b] = after.shared;
    expect(a).toMatchObject({ target: "a", phase: "open", cause: "failures", openMs: 5_000 });
    expect(a?.openForMs).toBeLessThanOrEqual(before.shared[0]?.openForMs ?? 0);
    expect(b).toMatchObject({ target: "b", forced: "open" });
    expect(await gate.listBreakers()).toMatchObject([{ name: "a", openings: 1 }, { name: "b" }]);
  });

  it("answers in an exchange too, and knows nothing of another tenant's", async () => {
    const gate = env.TENANT_GATE.getByName("breakers one");
    const breakers = word(seen("a", { bad: 5 }));
    const told = await gate.exchange({ isolate: "i", serial: 1, breakers });
    expect(told.breakers?.shared).toMatchObject([{ target: "a", phase: "open" }]);
    const other = env.TENANT_GATE.getByName("breakers other");
    expect(await other.listBreakers()).toEqual([]);
    await gate.erase();
    expect(await gate.listBreakers()).toEqual([]);
  });
});
