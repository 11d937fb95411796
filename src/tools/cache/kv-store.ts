/**
 * Results in KV, for tenants without residency. KV cannot forget before 60 seconds have passed and may show an old value,
 * or the absence of a new one, for half a minute: exact times are in the value.
 */

import type { ResultStore } from "./result-cache.ts";

/** Least `expirationTtl` of KV, in seconds. */
const MIN_KV_TTL_S = 60;

/** Least `cacheTtl` of KV, in seconds: how long a location may go on showing a value or its absence. */
const KV_CACHE_TTL_S = 30;

/** The part of a KV namespace the cache uses. */
export interface ResultNamespace {
  get(
    key: string,
    options: { readonly type: "text"; readonly cacheTtl: number },
  ): Promise<string | null>;
  put(key: string, value: string, options: { readonly expirationTtl: number }): Promise<void>;
}

/** The store over a KV namespace. */
export function kvStore(namespace: ResultNamespace): ResultStore {
  return {
    layer: "kv",
    read: (key) => namespace.get(key, { type: "text", cacheTtl: KV_CACHE_TTL_S }),
    write: (key, sealed, keptMs) =>
      namespace.put(key, sealed, {
        expirationTtl: Math.max(MIN_KV_TTL_S, Math.ceil(keptMs / 1000)),
      }),
  };
}
