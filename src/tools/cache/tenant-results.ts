/**
 * The results of one tenant, layer by layer: the isolate's memory, then KV, then the tenant's objects, in which isolates
 * also meet to ask only once. A resident tenant has no KV: its results are kept by its objects. Outside the isolate
 * everything is sealed with the tenant's own key.
 *
 * Whatever is wrong with a stored value (foreign, corrupt, an older shape, moved to another key) or with its store is a
 * miss: the cache can only ever save a request, never fail one. Exact times are in the value itself, because a store
 * may forget late and show what is old.
 */

import { refreshesEarly } from "../../algorithms/xfetch.ts";
import type { CacheFault } from "../../contract/cache.ts";
import { type CacheEntry, readEntry, writeEntry } from "./cache-entry.ts";
import type { ResultKey } from "./cache-key.ts";
import { generationOf } from "./generations.ts";
import type {
  CallTurn,
  Found,
  ResultCache,
  ResultCachePorts,
  ResultPlace,
} from "./result-cache.ts";
import { type Flights, takeTurn } from "./single-flight.ts";
import { within } from "./within.ts";
import { Abort } from "../../platform/abort.ts";

/** A look-up that takes longer than this is a miss: the tool itself is seldom slower. */
const MAX_LOOKUP_MS = 1000;

/** Longest result kept, in characters. */
export const MAX_CACHED_LENGTH = 1_048_576;

/** A refresh that failed is tried again no sooner. */
const REFRESH_PAUSE_MS = 1000;

/** How much longer than its own time a leader may be before another one leads, ms: it has to seal and send. */
const LEADER_GRACE_MS = 500;

/** The cache of one tenant. */
export function createResultCache(ports: ResultCachePorts): ResultCache {
  return new TenantResults(ports);
}

class TenantResults implements ResultCache {
  readonly #ports: ResultCachePorts;

  constructor(ports: ResultCachePorts) {
    this.#ports = ports;
  }

  async generation(
    tool: string,
    tags: readonly string[],
    signal: AbortSignal,
  ): Promise<string | null> {
    const { tenantId, memory, generations } = this.#ports;
    const current = await memory.generations.current(tenantId, generations, this.#ports, signal);
    return current === null ? null : generationOf(current, tool, tags);
  }

  async find({ key }: ResultPlace, signal: AbortSignal): Promise<Found | CacheFault | null> {
    const { tenantId, memory, store, now } = this.#ports;
    const held = memory.results.get(tenantId, key, now());
    if (held !== undefined) return { entry: held, layer: "isolate" };
    if (store === null || signal.aborted) return null;
    const read = store.read(key).then((sealed) => this.#read(key, sealed));
    const entry = await within(
      MAX_LOOKUP_MS,
      signal,
      read.catch(() => null),
    );
    if (entry === null || typeof entry === "string") return entry;
    if (now() >= entry.keptUntilMs) return null;
    this.#hold(key, entry);
    return { entry, layer: store.layer };
  }

  async takeTurn(place: ResultPlace, timeoutMs: number, signal: AbortSignal): Promise<CallTurn> {
    const { key, tool } = place;
    const { store, memory, now, flights, defer } = this.#ports;
    const { elections } = memory;
    // Without KV the object is asked anyway, because it has the results; then an election costs nothing more.
    const elects = store === null || elections.elects(tool, key, now());
    elections.begin(key, now(), timeoutMs);
    if (!elects) return { kind: "ask", ticket: null, known: null };
    const fromMs = now();
    const asked = { elects, timeoutMs: timeoutMs + LEADER_GRACE_MS };
    const turn = await takeTurn({ flights, now, defer }, key, asked, signal);
    if (turn.kind === "late") return turn;
    if (turn.kind === "alone") return { kind: "ask", ticket: null, known: null };
    if (turn.kind === "lead") {
      elections.noteElection(now() - fromMs);
      const known = await this.#open(key, turn.known);
      return { kind: "ask", ticket: turn.ticket, known };
    }
    elections.noteCompany(tool, true, now());
    const entry = await this.#open(key, turn.sealed);
    if (entry === null) return { kind: "ask", ticket: null, known: null };
    if (now() < entry.keptUntilMs) this.#hold(key, entry);
    if (turn.isFirst) this.#defer(this.#write(key, turn.sealed, entry));
    return { kind: "found", entry, layer: turn.isShared ? "flight" : "object" };
  }

  async newer({ key }: ResultPlace, than: CacheEntry): Promise<boolean> {
    const { store, flights, now } = this.#ports;
    const reading = store === null ? keptBy(flights, key) : store.read(key);
    const opening = reading.then((sealed) => this.#open(key, sealed)).catch(() => null);
    const entry = await within(MAX_LOOKUP_MS, NEVER, opening);
    if (entry === null || entry.expiresAtMs <= Math.max(now(), than.expiresAtMs)) return false;
    this.#hold(key, entry);
    return true;
  }

  keep({ key, tool }: ResultPlace, entry: CacheEntry, ticket: string | null): void {
    const { memory, store, now } = this.#ports;
    const isLong = "outputJson" in entry.kept && entry.kept.outputJson.length > MAX_CACHED_LENGTH;
    if (isLong) {
      if (ticket !== null) this.leave({ key, tool }, ticket, true);
      return;
    }
    if ("outputJson" in entry.kept) memory.elections.noteCall(tool, entry.costMs, now());
    memory.elections.end(key);
    this.#hold(key, entry);
    // The doorkeeper is asked in any case: it has to see the first time to know the second.
    const isWanted = store !== null && memory.seen.admit(key);
    const isMet = ticket !== null || store === null;
    if (isWanted || isMet) this.#defer(this.#send({ key, tool }, entry, { isWanted, isMet }));
  }

  share(place: ResultPlace, entry: CacheEntry, ticket: string): void {
    const { sealer, flights, memory } = this.#ports;
    memory.elections.end(place.key);
    const shared = sealer
      .seal(sealName(place.key), writeEntry(entry))
      .then((sealed) => flights.post(place.key, sealed, null));
    this.#defer(shared.catch(() => flights.leave(place.key, ticket, false)));
  }

  leave({ key }: ResultPlace, ticket: string, everyone: boolean): void {
    this.#ports.memory.elections.end(key);
    this.#defer(this.#ports.flights.leave(key, ticket, everyone));
  }

  isDrawn({ expiresAtMs, costMs }: CacheEntry): boolean {
    return refreshesEarly(this.#ports.now(), expiresAtMs, costMs, this.#ports.random());
  }

  claimRefresh(key: ResultKey, forMs: number): boolean {
    return this.#ports.memory.results.claimRefresh(key, this.#ports.now(), forMs);
  }

  endRefresh(key: ResultKey, isRefreshed: boolean): void {
    const { memory, now } = this.#ports;
    memory.results.endRefresh(key, isRefreshed, now(), REFRESH_PAUSE_MS);
  }

  isFailing(key: ResultKey): boolean {
    return this.#ports.memory.results.isFailing(key, this.#ports.now());
  }

  defer(work: Promise<unknown>): void {
    this.#ports.defer(work);
  }

  async #send(
    { key, tool }: ResultPlace,
    entry: CacheEntry,
    { isWanted, isMet }: { readonly isWanted: boolean; readonly isMet: boolean },
  ): Promise<void> {
    const { sealer } = this.#ports;
    const sealed = await sealer.seal(sealName(key), writeEntry(entry));
    const writing = isWanted ? this.#write(key, sealed, entry) : null;
    if (isMet) await this.#post({ key, tool }, sealed, entry);
    await writing;
  }

  async #post({ key, tool }: ResultPlace, sealed: string, entry: CacheEntry): Promise<void> {
    const { flights, memory, store, now } = this.#ports;
    const nowMs = now();
    const times = { staleMs: entry.staleUntilMs - nowMs, keptMs: entry.keptUntilMs - nowMs };
    const waited = await flights.post(key, sealed, times);
    if (store !== null) memory.elections.noteCompany(tool, waited > 0, now());
  }

  /** Writes to KV; nothing for a tenant that has none. A store that fails has not kept it. */
  async #write(key: ResultKey, sealed: string, entry: CacheEntry): Promise<void> {
    const { store, now } = this.#ports;
    await store?.write(key, sealed, entry.keptUntilMs - now()).catch(() => undefined);
  }

  #hold(key: ResultKey, entry: CacheEntry): void {
    const { memory, tenantId, isolateMs, now } = this.#ports;
    memory.results.put(tenantId, key, entry, Math.min(entry.keptUntilMs, now() + isolateMs));
  }

  async #open(key: ResultKey, sealed: string | null): Promise<CacheEntry | null> {
    const entry = await this.#read(key, sealed);
    return typeof entry === "string" ? null : entry;
  }

  async #read(key: ResultKey, sealed: string | null): Promise<CacheEntry | CacheFault | null> {
    if (sealed === null) return null;
    const text = await this.#ports.sealer.open(sealName(key), sealed);
    if (text === null) return "foreign";
    const entry = readEntry(text);
    return entry.ok ? entry.value : entry.error;
  }

  /** What fails here is not kept, or not told; nobody's call fails with it. */
  #defer(work: Promise<unknown>): void {
    this.#ports.defer(work.catch(() => undefined));
  }
}

/** What the object keeps of it, without an election. */
async function keptBy(flights: Flights, key: ResultKey): Promise<string | null> {
  const answer = await flights.ask(key, { elects: false, timeoutMs: MAX_LOOKUP_MS });
  return answer.kind === "found" ? answer.sealed : null;
}

function sealName(key: ResultKey): string {
  return `result ${key}`;
}

/** A refresh has no client that could leave. */
const NEVER = new Abort().signal;
