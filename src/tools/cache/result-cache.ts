/** The cache of one tenant's results: what it is asked, and what it needs of the world. `tenant-results.ts` is it. */

import type { Doorkeeper } from "../../algorithms/doorkeeper.ts";
import type { CacheFault, CacheLayer } from "../../contract/cache.ts";
import type { CacheEntry } from "./cache-entry.ts";
import type { ResultKey } from "./cache-key.ts";
import type { ElectionRule } from "./election-rule.ts";
import type { GenerationSource, GenerationViews } from "./generations.ts";
import type { IsolateCache } from "./isolate-cache.ts";
import type { Flights } from "./single-flight.ts";

/** Seals and opens text for one tenant. `name` is authenticated with it: under another name nothing opens. */
export interface Sealer {
  seal(name: string, text: string): Promise<string>;
  open(name: string, sealed: string): Promise<string | null>;
}

/** Where sealed results of one tenant are kept for all isolates of a location and, after a while, of all. */
export interface ResultStore {
  readonly layer: CacheLayer;
  read(key: ResultKey): Promise<string | null>;
  /** `keptMs`: how long from now it may be wanted. */
  write(key: ResultKey, sealed: string, keptMs: number): Promise<void>;
}

/** What one isolate remembers, of all its tenants. */
export interface IsolateMemory {
  readonly results: IsolateCache;
  /** Which results were asked for before: only what is wanted twice is worth a write to KV. */
  readonly seen: Pick<Doorkeeper, "admit">;
  readonly elections: ElectionRule;
  readonly generations: GenerationViews;
}

/** What the cache needs. */
export interface ResultCachePorts {
  readonly tenantId: string;
  readonly memory: IsolateMemory;
  /** The longest a result stays in the isolate, ms. */
  readonly isolateMs: number;
  /** Null: the tenant's objects keep its results. */
  readonly store: ResultStore | null;
  readonly flights: Flights;
  readonly generations: GenerationSource;
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

/** A place of one tool's results. */
export interface ResultPlace {
  readonly key: ResultKey;
  readonly tool: string;
}

/** What a call that found nothing is to do. A `ticket` is given back by `keep`, `share` or `leave`. */
export type CallTurn =
  | ({ readonly kind: "found" } & Found)
  | { readonly kind: "ask"; readonly ticket: string | null; readonly known: CacheEntry | null }
  /** It was aborted or its time was over while somebody else was asking. */
  | { readonly kind: "late" };

/** Results of one tenant. */
export interface ResultCache {
  /** What stands in the key for the invalidations a result is subject to; null when they cannot be known soon. */
  generation(tool: string, tags: readonly string[], signal: AbortSignal): Promise<string | null>;
  /** The result, fresh or not, why it cannot be used, or null when there is none. Never rejects; gives up when `signal` aborts. */
  find(place: ResultPlace, signal: AbortSignal): Promise<Found | CacheFault | null>;
  /** Waits for who asks the tool already, or says that this call is to. Never rejects. */
  takeTurn(place: ResultPlace, timeoutMs: number, signal: AbortSignal): Promise<CallTurn>;
  /** A newer result than this isolate has, if somebody else has got one. Never rejects. */
  newer(place: ResultPlace, than: CacheEntry): Promise<boolean>;
  /** Keeps a result. Returns at once; one that cannot be kept is simply not kept. */
  keep(place: ResultPlace, entry: CacheEntry, ticket: string | null): void;
  /** Tells those who wait how the call ended, and nobody later. */
  share(place: ResultPlace, entry: CacheEntry, ticket: string): void;
  /** Those who wait go on without this call: one of them asks next, or, with `everyone`, each for itself. */
  leave(place: ResultPlace, ticket: string, everyone: boolean): void;
  /** True for the one of those who ask who is to refresh this result before its time is over. */
  isDrawn(entry: CacheEntry): boolean;
  /** See `IsolateCache`. */
  claimRefresh(key: ResultKey, forMs: number): boolean;
  endRefresh(key: ResultKey, isRefreshed: boolean): void;
  isFailing(key: ResultKey): boolean;
  /** Takes work that may outlive the answer. */
  defer(work: Promise<unknown>): void;
}
