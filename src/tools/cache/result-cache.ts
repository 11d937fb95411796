/**
 * The results of one tenant, layer by layer: the isolate's memory, then a store outside of it, sealed there with the
 * tenant's own key.
 *
 * Whatever is wrong with a stored value (foreign, corrupt, an older shape, moved to another key) or with its store is a
 * miss: the cache can only ever save a request, never fail one. Exact times are in the value itself, because a store
 * may forget late and show what is old.
 */

import { refreshesEarly } from "../../algorithms/xfetch.ts";
import type { CacheLayer } from "../../contract/cache.ts";
import { type CacheEntry, readEntry, writeEntry } from "./cache-entry.ts";
import type { ResultKey } from "./cache-key.ts";
import type { IsolateCache } from "./isolate-cache.ts";

/** Seals and opens text for one tenant. `name` is authenticated with it: under another name nothing opens. */
export interface Sealer {
  seal(name: string, text: string): Promise<string>;
  open(name: string, sealed: string): Promise<string | null>;
}

/** Where sealed results of one tenant are kept outside the isolate. */
export interface ResultStore {
  readonly layer: CacheLayer;
  read(key: ResultKey): Promise<string | null>;
  /** `keptMs`: how long from now it may be wanted. */
  write(key: ResultKey, sealed: string, keptMs: number): Promise<void>;
}

/** What the cache needs. */
export interface ResultCachePorts {
  readonly tenantId: string;
  readonly isolate: IsolateCache;
  /** The longest a result stays in the isolate, ms. */
  readonly isolateMs: number;
  readonly store: ResultStore;
  readonly sealer: Sealer;
  readonly now: () => number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Takes work that may outlive the answer (`waitUntil`). */
  readonly defer: (work: Promise<unknown>) => void;
}

/** A result that was found, and where. */
export interface Found {
  readonly entry: CacheEntry;
  readonly layer: CacheLayer;
}

/** Results of one tenant. */
export interface ResultCache {
  /** The result, fresh or not; null when there is none. Never rejects; gives up when `signal` aborts. */
  find(key: ResultKey, signal: AbortSignal): Promise<Found | null>;
  /** Keeps a result. Returns at once; one that cannot be kept is simply not kept. */
  keep(key: ResultKey, entry: CacheEntry): void;
  /** True for the one of those who ask who is to refresh this result before its time is over. */
  isDrawn(entry: CacheEntry): boolean;
  /** See `IsolateCache`. */
  claimRefresh(key: ResultKey, forMs: number): boolean;
  endRefresh(key: ResultKey, isRefreshed: boolean): void;
  isFailing(key: ResultKey): boolean;
  /** Takes work that may outlive the answer. */
  defer(work: Promise<unknown>): void;
}

/** A look-up that takes longer than this is a miss: the tool itself is seldom slower. */
const MAX_LOOKUP_MS = 1000;

/** Longest result kept, in characters. */
export const MAX_CACHED_LENGTH = 1_048_576;

/** A refresh that failed is tried again no sooner. */
const REFRESH_PAUSE_MS = 1000;

/** The cache of one tenant. */
export function createResultCache(ports: ResultCachePorts): ResultCache {
  const { tenantId, isolate, now } = ports;
  const hold = (key: ResultKey, entry: CacheEntry): void => {
    isolate.put(tenantId, key, entry, Math.min(entry.keptUntilMs, now() + ports.isolateMs));
  };
  return {
    async find(key, signal) {
      const held = isolate.get(tenantId, key, now());
      if (held !== undefined) return { entry: held, layer: "isolate" };
      const entry = await within(
        MAX_LOOKUP_MS,
        signal,
        look(ports, key).catch(() => null),
      );
      if (entry === null) return null;
      hold(key, entry);
      return { entry, layer: ports.store.layer };
    },
    keep(key, entry) {
      if ("outputJson" in entry.kept && entry.kept.outputJson.length > MAX_CACHED_LENGTH) return;
      hold(key, entry);
      ports.defer(write(ports, key, entry).catch(() => undefined));
    },
    isDrawn: ({ expiresAtMs, costMs }) =>
      refreshesEarly(now(), expiresAtMs, costMs, ports.random()),
    claimRefresh: (key, forMs) => isolate.claimRefresh(key, now(), forMs),
    endRefresh: (key, isRefreshed) => isolate.endRefresh(key, isRefreshed, now(), REFRESH_PAUSE_MS),
    isFailing: (key) => isolate.isFailing(key, now()),
    defer: (work) => ports.defer(work),
  };
}

async function look(
  { store, sealer, now }: ResultCachePorts,
  key: ResultKey,
): Promise<CacheEntry | null> {
  const sealed = await store.read(key);
  const text = sealed === null ? null : await sealer.open(sealName(key), sealed);
  const entry = text === null ? null : readEntry(text);
  return entry?.ok === true && now() < entry.value.keptUntilMs ? entry.value : null;
}

async function write(ports: ResultCachePorts, key: ResultKey, entry: CacheEntry): Promise<void> {
  const sealed = await ports.sealer.seal(sealName(key), writeEntry(entry));
  await ports.store.write(key, sealed, entry.keptUntilMs - ports.now());
}

function sealName(key: ResultKey): string {
  return `result ${key}`;
}

/** The value, or null after `ms` or when `signal` aborts. Leaves no timer and no listener behind. */
async function within<T>(ms: number, signal: AbortSignal, work: Promise<T>): Promise<T | null> {
  if (signal.aborted) return null;
  const { promise: ended, resolve } = Promise.withResolvers<null>();
  const end = () => resolve(null);
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work, ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
