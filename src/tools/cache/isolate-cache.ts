/**
 * The first layer: results in the memory of one isolate, which serves many tenants.
 *
 * Values are plain, because the isolate holds the key that would open them: sealing them would protect them from nobody
 * and cost every hit a decryption. A tenant's results lie in a cache of its own, found by its id and then by a key that
 * carries it, so nothing of one tenant is ever compared with what another asks for. Room is shared: when there is none
 * left, the tenant that holds most gives some up, what saves it least first (algorithms/gdsf.ts). An isolate that goes
 * takes it all along.
 */

import { GdsfCache } from "../../algorithms/gdsf.ts";
import { BoundedMap } from "../../platform/bounded-map.ts";
import type { CacheEntry } from "./cache-entry.ts";
import { sizeOf } from "./cache-entry.ts";
import type { ResultKey } from "./cache-key.ts";

/** An eighth of an isolate's 128 MB. */
export const MAX_ISOLATE_BYTES = 16 * 1024 * 1024;

/** Longer results go to the next layer only: one of them would push out hundreds of others. */
export const MAX_ISOLATE_ENTRY_BYTES = 512 * 1024;

/** Keys that are being refreshed, or whose refresh has failed. */
const MAX_REFRESHES = 1_024;

interface Held {
  readonly entry: CacheEntry;
  /** Epoch ms. */
  readonly untilMs: number;
}

/** The results one isolate holds. */
export class IsolateCache {
  readonly #maxBytes: number;
  readonly #tenants = new Map<string, GdsfCache<Held>>();
  readonly #refreshing = new BoundedMap<string, true>(MAX_REFRESHES);
  readonly #failing = new BoundedMap<string, true>(MAX_REFRESHES);
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of all results held, by the upper bound of `sizeOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The tenant's result under `key`, fresh or not; undefined when it is not held (any more). */
  get(tenantId: string, key: ResultKey, nowMs: number): CacheEntry | undefined {
    const cache = this.#tenants.get(tenantId);
    const held = cache?.get(key);
    if (cache === undefined || held === undefined) return undefined;
    if (nowMs < held.untilMs) return held.entry;
    this.#change(tenantId, cache, () => cache.delete(key));
    return undefined;
  }

  /** Holds a result until `untilMs` (epoch) at the latest. One that is too long is not held. */
  put(tenantId: string, key: ResultKey, entry: CacheEntry, untilMs: number): void {
    const bytes = sizeOf(entry);
    if (bytes > Math.min(MAX_ISOLATE_ENTRY_BYTES, this.#maxBytes)) return;
    const cache = this.#tenants.get(tenantId) ?? new GdsfCache<Held>();
    this.#tenants.set(tenantId, cache);
    this.#change(tenantId, cache, () => cache.set(key, { entry, untilMs }, bytes, entry.costMs));
    while (this.#bytes > this.#maxBytes) this.#giveUp();
  }

  /** Forgets everything of a tenant. */
  forget(tenantId: string): void {
    this.#bytes -= this.#tenants.get(tenantId)?.size ?? 0;
    this.#tenants.delete(tenantId);
  }

  /** True for the one who is to refresh this result now; nobody else is told so for `forMs`. */
  claimRefresh(key: ResultKey, nowMs: number, forMs: number): boolean {
    if (this.#refreshing.get(key, nowMs) === true) return false;
    this.#refreshing.set(key, true, nowMs + forMs);
    return true;
  }

  /** The claimed refresh has ended; after a failure the next one waits for `pauseMs`. */
  endRefresh(key: ResultKey, isRefreshed: boolean, nowMs: number, pauseMs: number): void {
    if (isRefreshed) {
      this.#refreshing.delete(key);
      this.#failing.delete(key);
      return;
    }
    this.#refreshing.set(key, true, nowMs + pauseMs);
    this.#failing.set(key, true, Infinity);
  }

  /** Whether the last refresh of this result failed, as far as this isolate knows. */
  isFailing(key: ResultKey, nowMs: number): boolean {
    return this.#failing.get(key, nowMs) === true;
  }

  #giveUp(): void {
    let largest: { readonly tenantId: string; readonly cache: GdsfCache<Held> } | null = null;
    for (const [tenantId, cache] of this.#tenants) {
      if (largest === null || cache.size > largest.cache.size) largest = { tenantId, cache };
    }
    if (largest === null) return;
    const { tenantId, cache } = largest;
    this.#change(tenantId, cache, () => cache.evict());
  }

  #change(tenantId: string, cache: GdsfCache<Held>, change: () => unknown): void {
    this.#bytes -= cache.size;
    change();
    this.#bytes += cache.size;
    if (cache.count === 0) this.#tenants.delete(tenantId);
  }
}
