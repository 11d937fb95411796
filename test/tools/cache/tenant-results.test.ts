/** Results layer by layer: exact times, sealed outside the isolate, and never a reason for a call to fail. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { type CacheEntry, writeEntry } from "../../../src/tools/cache/cache-entry.ts";
import { resultKey, tenantScope } from "../../../src/tools/cache/cache-key.ts";
import { kvStore, type ResultNamespace } from "../../../src/tools/cache/kv-store.ts";
import type { ResultCachePorts, ResultPlace } from "../../../src/tools/cache/result-cache.ts";
import { MAX_CACHED_LENGTH, createResultCache } from "../../../src/tools/cache/tenant-results.ts";
import { freshMemory, NO_FLIGHTS, NO_GENERATIONS, PLAIN_SEALER } from "../../support/tool-call.ts";
import { storedTool } from "../../support/tools.ts";

const NEVER = new AbortController().signal;

async function keyOf(city: string, tenantId = "ten_cache"): Promise<ResultPlace> {
  const scope = tenantScope({ tenantId });
  if (scope === null) throw new Error("no scope");
  const inputs = { arguments: { city }, locale: "en", credentials: {}, generation: "0" };
  return { key: await resultKey(scope, storedTool("t", {}), inputs), tool: "t" };
}

function scene(overrides: Partial<ResultCachePorts> = {}) {
  const state = { nowMs: 1_000_000, work: [] as Promise<unknown>[] };
  const ports: ResultCachePorts = {
    tenantId: "ten_cache",
    memory: freshMemory(100_000),
    isolateMs: 600_000,
    flights: NO_FLIGHTS,
    generations: NO_GENERATIONS,
    store: kvStore(env.RESULTS),
    sealer: PLAIN_SEALER,
    now: () => state.nowMs,
    random: () => 0,
    defer: (work) => state.work.push(work),
    ...overrides,
  };
  const entry = (outputJson: string, ttlMs = 60_000): CacheEntry => {
    const until = state.nowMs + ttlMs;
    return {
      kept: { outputJson },
      expiresAtMs: until,
      staleUntilMs: until,
      keptUntilMs: until,
      costMs: 1,
      validators: {},
    };
  };
  const cache = createResultCache(ports);
  /** Keeps what has been asked for before. */
  const keep = (place: ResultPlace, one: CacheEntry) => {
    ports.memory.seen.admit(place.key);
    cache.keep(place, one, null);
  };
  /** What another isolate finds. */
  const elsewhere = () => createResultCache({ ...ports, memory: freshMemory(100_000) });
  return { state, cache, keep, elsewhere, entry, settled: () => Promise.all(state.work) };
}

describe("createResultCache", () => {
  it("gives back what was kept: from the isolate at once, from the store elsewhere, from the isolate there again", async () => {
    const { cache, keep, elsewhere, entry, settled } = scene();
    const key = await keyOf("Paris");
    expect(await cache.find(key, NEVER)).toBeNull();
    keep(key, entry("21"));
    expect(await cache.find(key, NEVER)).toEqual({ entry: entry("21"), layer: "isolate" });
    await settled();
    const other = elsewhere();
    expect(await other.find(key, NEVER)).toEqual({ entry: entry("21"), layer: "kv" });
    expect(await other.find(key, NEVER)).toMatchObject({ layer: "isolate" });
  });

  it("forgets at the millisecond at which nothing may be done with it, also below KV's own 60 seconds", async () => {
    const { state, cache, keep, elsewhere, entry, settled } = scene();
    const key = await keyOf("Lyon");
    keep(key, entry("1", 2000));
    await settled();
    state.nowMs += 1999;
    expect(await cache.find(key, NEVER)).toMatchObject({ layer: "isolate" });
    expect(await elsewhere().find(key, NEVER)).toMatchObject({ layer: "kv" });
    state.nowMs += 1;
    expect(await cache.find(key, NEVER)).toBeNull();
    expect(await elsewhere().find(key, NEVER)).toBeNull();
  });

  it("looks at the store again once a result has been in the isolate long enough", async () => {
    const { state, cache, keep, entry, settled } = scene({ isolateMs: 1000 });
    const key = await keyOf("Nice");
    keep(key, entry("1"));
    await settled();
    state.nowMs += 1000;
    expect(await cache.find(key, NEVER)).toMatchObject({ layer: "kv" });
  });

  it("asks KV to forget, never sooner than KV can", async () => {
    const ttls: number[] = [];
    const namespace: ResultNamespace = {
      get: () => Promise.resolve(null),
      put: (_key, _value, { expirationTtl }) => {
        ttls.push(expirationTtl);
        return Promise.resolve();
      },
    };
    const { keep, entry, settled } = scene({ store: kvStore(namespace) });
    for (const ttlMs of [1000, 60_000, 60_001]) keep(await keyOf("x"), entry("1", ttlMs));
    await settled();
    expect(ttls).toEqual([60, 60, 61]);
  });

  it("writes to its store what is wanted a second time, and nothing that is wanted once", async () => {
    const { cache, entry, settled } = scene();
    const place = await keyOf("twice");
    cache.keep(place, entry("1"), null);
    await settled();
    expect(await env.RESULTS.get(place.key)).toBeNull();
    cache.keep(place, entry("2"), null);
    await settled();
    expect(await env.RESULTS.get(place.key)).not.toBeNull();
  });

  it("seals what it stores", async () => {
    const sealer = { ...PLAIN_SEALER, seal: () => Promise.resolve("sealed") };
    const { keep, entry, settled } = scene({ sealer });
    const key = await keyOf("canary");
    keep(key, entry('"a-canary-result"'));
    await settled();
    expect(await env.RESULTS.get(key.key)).toBe("sealed");
  });

  it("misses a value that was moved to another key", async () => {
    const { keep, elsewhere, entry, settled } = scene();
    const [one, other] = [await keyOf("one"), await keyOf("two")];
    keep(one, entry("1"));
    await settled();
    await env.RESULTS.put(other.key, (await env.RESULTS.get(one.key)) ?? "");
    expect(await elsewhere().find(one, NEVER)).not.toBeNull();
    expect(await elsewhere().find(other, NEVER)).toBe("foreign");
  });

  const { kept: _kept, ...timesOnly } = scene().entry("1", 1e12);
  it.each([
    ["not json", "corrupt"],
    ["[]", "corrupt"],
    ["{}", "other_shape"],
    ['{"expires_at_ms":9e15,"output":"1"}', "other_shape"],
    [JSON.stringify({ shape: 3, kept: { outputJson: "1" }, ...timesOnly }), "other_shape"],
    [JSON.stringify({ shape: 2, ...timesOnly }), "corrupt"],
    [JSON.stringify({ shape: 2, kept: {}, ...timesOnly }), "corrupt"],
    [JSON.stringify({ shape: 2, kept: { outputJson: "1" }, ...timesOnly, costMs: "9" }), "corrupt"],
  ])("passes over the sealed value %s and says why: %s", async (text, fault) => {
    const { cache } = scene();
    const place = await keyOf(`shape ${text}`);
    await env.RESULTS.put(place.key, await PLAIN_SEALER.seal(`result ${place.key}`, text));
    expect(await cache.find(place, NEVER)).toBe(fault);
  });

  it("reads back all that it wrote, refusals and validators too", async () => {
    const { cache, entry } = scene();
    const whole: CacheEntry = {
      ...entry(""),
      kept: { error: { code: "upstream_status", message: "The tool answered with status 404." } },
      validators: { etag: '"1"', lastModified: "yesterday" },
    };
    const key = await keyOf("whole");
    await env.RESULTS.put(key.key, await PLAIN_SEALER.seal(`result ${key.key}`, writeEntry(whole)));
    expect(await cache.find(key, NEVER)).toEqual({ entry: whole, layer: "kv" });
  });

  it("misses when the store or the seal fails, and swallows a failed write", async () => {
    const broken = () => Promise.reject(new Error("down"));
    const key = await keyOf("down");
    const { cache, keep, entry, settled } = scene({
      store: { layer: "kv", read: broken, write: broken },
    });
    expect(await cache.find(key, NEVER)).toBeNull();
    keep(key, entry("1"));
    await expect(settled()).resolves.toBeDefined();
    const unsealing = scene({ sealer: { seal: broken, open: broken } });
    await env.RESULTS.put(key.key, "x");
    expect(await unsealing.cache.find(key, NEVER)).toBeNull();
  });

  it("does not wait for a look-up that hangs, nor past an abort", async () => {
    const { cache } = scene({
      store: { layer: "kv", read: () => new Promise(() => {}), write: () => Promise.resolve() },
    });
    const key = await keyOf("hang");
    expect(await cache.find(key, NEVER)).toBeNull();
    const controller = new AbortController();
    const waiting = cache.find(key, controller.signal);
    controller.abort();
    expect(await waiting).toBeNull();
    expect(await cache.find(key, controller.signal)).toBeNull();
  });

  it("keeps the longest result and none past it", async () => {
    const { cache, keep, entry, settled } = scene();
    const key = await keyOf("long");
    keep(key, entry("x".repeat(MAX_CACHED_LENGTH + 1)));
    await settled();
    expect(await cache.find(key, NEVER)).toBeNull();
    keep(key, entry("x".repeat(MAX_CACHED_LENGTH)));
    await settled();
    expect(await cache.find(key, NEVER)).toMatchObject({ layer: "kv" });
  });
});
