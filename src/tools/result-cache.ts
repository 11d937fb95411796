/**
 * Tool results kept in KV, sealed with the tenant's own key.
 *
 * KV cannot forget before 60 seconds have passed and may show an old value for a while, so the exact expiry is inside
 * the value and checked at every read. Whatever is wrong with a value (foreign, corrupt, an older shape, moved to another
 * key) or with KV itself is a miss: the cache can only ever save a request, never fail one.
 */

import { isJsonObject } from "../platform/canonical-json.ts";
import { parseBoundedJson } from "./bounded-json.ts";
import type { ResultKey } from "./cache-key.ts";

/** Seals and opens text for one tenant. `name` is authenticated with it: under another name nothing opens. */
export interface Sealer {
  seal(name: string, text: string): Promise<string>;
  open(name: string, sealed: string): Promise<string | null>;
}

/** The part of a KV namespace the cache uses. */
export interface ResultStore {
  get(
    key: string,
    options: { readonly type: "text"; readonly cacheTtl: number },
  ): Promise<string | null>;
  put(key: string, value: string, options: { readonly expirationTtl: number }): Promise<void>;
}

/** What the cache needs. */
export interface ResultCachePorts {
  readonly store: ResultStore;
  readonly sealer: Sealer;
  readonly now: () => number;
  /** Takes work that may outlive the answer (`waitUntil`). */
  readonly defer: (work: Promise<unknown>) => void;
}

/** Results of one tenant. */
export interface ResultCache {
  /** The result as JSON text, or null. Never rejects; gives up when `signal` aborts. */
  get(key: ResultKey, signal: AbortSignal): Promise<string | null>;
  /** Keeps a result for `ttlS` seconds from now. Returns at once; a result that cannot be kept is simply not kept. */
  put(key: ResultKey, outputJson: string, ttlS: number): void;
}

/** Least `expirationTtl` of KV, in seconds. */
const MIN_KV_TTL_S = 60;

/** Least `cacheTtl` of KV, in seconds: how long a location may go on showing a value or its absence. */
const KV_CACHE_TTL_S = 30;

/** A look-up that takes longer than this is a miss: the tool itself is seldom slower. */
const MAX_LOOKUP_MS = 1000;

/** Longest result kept, in characters. */
export const MAX_CACHED_LENGTH = 1_048_576;

/** The cache of one tenant over KV. */
export function createResultCache(ports: ResultCachePorts): ResultCache {
  return {
    get: (key, signal) =>
      within(
        MAX_LOOKUP_MS,
        signal,
        look(ports, key).catch(() => null),
      ),
    put(key, outputJson, ttlS) {
      if (outputJson.length > MAX_CACHED_LENGTH) return;
      ports.defer(keep(ports, key, outputJson, ttlS).catch(() => undefined));
    },
  };
}

async function look(
  { store, sealer, now }: ResultCachePorts,
  key: ResultKey,
): Promise<string | null> {
  const sealed = await store.get(key, { type: "text", cacheTtl: KV_CACHE_TTL_S });
  const text = sealed === null ? null : await sealer.open(sealName(key), sealed);
  const entry = text === null ? null : parseBoundedJson(text);
  if (entry === null || !entry.ok || !isJsonObject(entry.value)) return null;
  const { expires_at_ms: expiresAtMs, output } = entry.value;
  if (typeof expiresAtMs !== "number" || typeof output !== "string") return null;
  return now() < expiresAtMs ? output : null;
}

async function keep(
  ports: ResultCachePorts,
  key: ResultKey,
  output: string,
  ttlS: number,
): Promise<void> {
  const expiresAtMs = ports.now() + ttlS * 1000;
  const sealed = await ports.sealer.seal(
    sealName(key),
    JSON.stringify({ expires_at_ms: expiresAtMs, output }),
  );
  await ports.store.put(key, sealed, { expirationTtl: Math.max(MIN_KV_TTL_S, ttlS) });
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
