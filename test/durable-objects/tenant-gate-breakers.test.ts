/** The breakers of a tenant, in its gate: shared by all isolates, kept over evictions, apart from other tenants'. */

import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import type { BreakerWord, TargetWord } from "../../src/contract/breaker.ts";

function seen(target: string, news: Partial<TargetWord> = {}): TargetWord {
  const none = { good: 0, bad: 0, timedOut: 0, limited: 0, baseline: null, holdMs: 0 };
  return { target, ...none, answers: [], ...news };
}

function word(...targets: TargetWord[]): BreakerWord {
  return { targets };
}

describe("TenantGate, breakers", () => {
  it("keeps an open breaker, until when, and a forced one, after the object is evicted", async () => {
    const gate = env.TENANT_GATE.getByName("breakers kept");
    await gate.breakers(word(seen("a", { bad: 5 })));
    await gate.forceBreakers(["b"], "open");
    await gate.breakers(word(seen("c", { credential: { id: "v1", isRefused: true } })));
    const before = await gate.breakers(word());
    await evictDurableObject(gate);
    const after = await gate.breakers(word());
    expect(after.shared).toHaveLength(3);
    const [a, b, c] = after.shared;
    expect(c).toMatchObject({ target: "c", cause: "credential", credential: "v1" });
    expect(a).toMatchObject({ target: "a", phase: "open", cause: "failures", openMs: 5_000 });
    expect(a?.openForMs).toBeLessThanOrEqual(before.shared[0]?.openForMs ?? 0);
    expect(b).toMatchObject({ target: "b", forced: "open" });
    expect(await gate.listBreakers()).toMatchObject([
      { name: "a", openings: 1 },
      { name: "b" },
      { name: "c", openings: 0 },
    ]);
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
