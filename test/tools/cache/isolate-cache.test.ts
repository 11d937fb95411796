/** The results an isolate holds: bounded in bytes, fair between tenants, and never one tenant's for another. */

import { describe, expect, it } from "vitest";

import type { CacheEntry } from "../../../src/tools/cache/cache-entry.ts";
import { sizeOf } from "../../../src/tools/cache/cache-entry.ts";
import { tenantScope, type ResultKey } from "../../../src/tools/cache/cache-key.ts";
import { IsolateCache, MAX_ISOLATE_ENTRY_BYTES } from "../../../src/tools/cache/isolate-cache.ts";

const LATER = Number.MAX_SAFE_INTEGER;

function key(tenantId: string, name: string): ResultKey {
  const scope = tenantScope({ tenantId });
  if (scope === null) throw new Error("no scope");
  return `r1:${scope}:${name}`;
}

function entry(outputJson: string, costMs = 1): CacheEntry {
  const until = { expiresAtMs: LATER, staleUntilMs: LATER, keptUntilMs: LATER };
  return { kept: { outputJson }, ...until, costMs, validators: {} };
}

describe("IsolateCache", () => {
  it("gives back what was put, to its tenant alone, until its time is over", () => {
    const cache = new IsolateCache(100_000);
    cache.put("a", key("a", "x"), entry("1"), 1000);
    expect(cache.get("a", key("a", "x"), 999)).toEqual(entry("1"));
    expect(cache.get("b", key("a", "x"), 999)).toBeUndefined();
    expect(cache.get("a", key("a", "x"), 1000)).toBeUndefined();
    expect(cache.bytes).toBe(0);
  });

  it("never holds more than its bytes, whatever is put", () => {
    const cache = new IsolateCache(20_000);
    for (let n = 0; n < 500; n += 1) {
      cache.put(
        `t${n % 7}`,
        key(`t${n % 7}`, String(n)),
        entry("x".repeat((n * 37) % 3000)),
        LATER,
      );
      expect(cache.bytes).toBeLessThanOrEqual(20_000);
    }
    expect(cache.bytes).toBeGreaterThan(10_000);
    for (let n = 0; n < 7; n += 1) cache.forget(`t${n}`);
    expect(cache.bytes).toBe(0);
  });

  it("takes room from the tenant that holds most: a flood of one leaves the others theirs", () => {
    const cache = new IsolateCache(50_000);
    for (let n = 0; n < 5; n += 1) cache.put("small", key("small", String(n)), entry("1"), LATER);
    for (let n = 0; n < 1000; n += 1)
      cache.put("flood", key("flood", String(n)), entry("x".repeat(500), 5000), LATER);
    for (let n = 0; n < 5; n += 1)
      expect(cache.get("small", key("small", String(n)), 0)).toEqual(entry("1"));
  });

  it("holds the longest entry and none past it", () => {
    const cache = new IsolateCache(4 * MAX_ISOLATE_ENTRY_BYTES);
    const longest = entry("x".repeat((MAX_ISOLATE_ENTRY_BYTES - sizeOf(entry(""))) / 2));
    cache.put("a", key("a", "fits"), longest, LATER);
    cache.put("a", key("a", "not"), entry("x".repeat(MAX_ISOLATE_ENTRY_BYTES / 2)), LATER);
    expect(cache.get("a", key("a", "fits"), 0)).toBeDefined();
    expect(cache.get("a", key("a", "not"), 0)).toBeUndefined();
  });

  it("lets one at a time refresh a result, and pauses after a failure", () => {
    const cache = new IsolateCache(1000);
    const name = key("a", "x");
    expect(cache.claimRefresh(name, 0, 100)).toBe(true);
    expect(cache.claimRefresh(name, 99, 100)).toBe(false);
    expect(cache.claimRefresh(name, 100, 100)).toBe(true);
    cache.endRefresh(name, false, 150, 1000);
    expect([cache.isFailing(name, 150), cache.claimRefresh(name, 1149, 100)]).toEqual([
      true,
      false,
    ]);
    expect(cache.claimRefresh(name, 1150, 100)).toBe(true);
    cache.endRefresh(name, true, 1160, 1000);
    expect([cache.isFailing(name, 1160), cache.claimRefresh(name, 1160, 100)]).toEqual([
      false,
      true,
    ]);
  });
});
