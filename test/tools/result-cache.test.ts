/** Results in KV: exact expiry, sealed, and never a reason for a call to fail. */

import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { type ResultKey, resultKey, tenantScope } from "../../src/tools/cache-key.ts";
import {
  MAX_CACHED_LENGTH,
  type ResultStore,
  type Sealer,
  createResultCache,
} from "../../src/tools/result-cache.ts";
import { storedTool } from "../support/tools.ts";

const NEVER = new AbortController().signal;

/** A stand-in that binds the name like the real seal does. */
const SEALER: Sealer = {
  seal: (name, text) => Promise.resolve(`${name}|${btoa(text)}`),
  open: (name, sealed) =>
    Promise.resolve(sealed.startsWith(`${name}|`) ? atob(sealed.slice(name.length + 1)) : null),
};

async function keyOf(city: string, tenantId = "ten_cache"): Promise<ResultKey> {
  const scope = tenantScope({ tenantId, residency: "none" });
  if (scope === null) throw new Error("no scope");
  return resultKey(scope, storedTool("t", {}), {
    arguments: { city },
    locale: "en",
    credentials: {},
  });
}

function scene(overrides: { store?: ResultStore; sealer?: Sealer } = {}) {
  const state = { nowMs: 1_000_000, work: [] as Promise<unknown>[] };
  const cache = createResultCache({
    store: env.RESULTS,
    sealer: SEALER,
    now: () => state.nowMs,
    defer: (work) => state.work.push(work),
    ...overrides,
  });
  return { state, cache, settled: () => Promise.all(state.work) };
}

describe("createResultCache", () => {
  it("gives back what was put, until the millisecond it expires, also below KV's own 60 seconds", async () => {
    const { state, cache, settled } = scene();
    const key = await keyOf("Paris");
    expect(await cache.get(key, NEVER)).toBeNull();
    cache.put(key, '{"t":21}', 2);
    await settled();
    state.nowMs += 1999;
    expect(await cache.get(key, NEVER)).toBe('{"t":21}');
    state.nowMs += 1;
    expect(await cache.get(key, NEVER)).toBeNull();
  });

  it("asks KV to forget, never sooner than KV can", async () => {
    const ttls: number[] = [];
    const store: ResultStore = {
      get: () => Promise.resolve(null),
      put: (_key, _value, { expirationTtl }) => {
        ttls.push(expirationTtl);
        return Promise.resolve();
      },
    };
    const { cache, settled } = scene({ store });
    for (const ttlS of [1, 60, 61]) cache.put(await keyOf("x"), "1", ttlS);
    await settled();
    expect(ttls).toEqual([60, 60, 61]);
  });

  it("writes nothing readable", async () => {
    const { cache, settled } = scene();
    const key = await keyOf("canary");
    cache.put(key, '"a-canary-result"', 60);
    await settled();
    expect(await env.RESULTS.get(key)).not.toContain("canary-result");
  });

  it("misses a value that was moved to another key", async () => {
    const { cache, settled } = scene();
    const [one, other] = [await keyOf("one"), await keyOf("two")];
    cache.put(one, "1", 60);
    await settled();
    await env.RESULTS.put(other, (await env.RESULTS.get(one)) ?? "");
    expect(await cache.get(one, NEVER)).toBe("1");
    expect(await cache.get(other, NEVER)).toBeNull();
  });

  it.each([
    "not json",
    "[]",
    "{}",
    '{"expires_at_ms":"9","output":"1"}',
    '{"expires_at_ms":9e15,"output":5}',
    "5",
  ])("misses the sealed value %s", async (text) => {
    const { cache } = scene();
    const key = await keyOf(`shape ${text}`);
    await env.RESULTS.put(key, await SEALER.seal(`result ${key}`, text));
    expect(await cache.get(key, NEVER)).toBeNull();
  });

  it("misses when KV or the seal fails, and swallows a failed write", async () => {
    const broken = () => Promise.reject(new Error("down"));
    const key = await keyOf("down");
    const { cache, settled } = scene({ store: { get: broken, put: broken } });
    expect(await cache.get(key, NEVER)).toBeNull();
    cache.put(key, "1", 60);
    await expect(settled()).resolves.toBeDefined();
    const unsealing = scene({ sealer: { seal: broken, open: broken } });
    await env.RESULTS.put(key, "x");
    expect(await unsealing.cache.get(key, NEVER)).toBeNull();
  });

  it("does not wait for a look-up that hangs, nor past an abort", async () => {
    const store: ResultStore = { get: () => new Promise(() => {}), put: () => Promise.resolve() };
    const { cache } = scene({ store });
    const key = await keyOf("hang");
    expect(await cache.get(key, NEVER)).toBeNull();
    const controller = new AbortController();
    const waiting = cache.get(key, controller.signal);
    controller.abort();
    expect(await waiting).toBeNull();
    expect(await cache.get(key, controller.signal)).toBeNull();
  });

  it("keeps the longest result and none past it", async () => {
    const { cache, settled } = scene();
    const key = await keyOf("long");
    cache.put(key, "x".repeat(MAX_CACHED_LENGTH + 1), 60);
    await settled();
    expect(await cache.get(key, NEVER)).toBeNull();
    cache.put(key, "x".repeat(MAX_CACHED_LENGTH), 60);
    await settled();
    expect(await cache.get(key, NEVER)).toHaveLength(MAX_CACHED_LENGTH);
  });
});
