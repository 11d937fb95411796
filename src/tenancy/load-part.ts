/**
 * LoadPart: how long this isolate finds a tenant's targets to take goes along with the exchange, and what all isolates found
 * comes back.
 *
 * Only targets that are chosen among are spoken of, only when something has changed, and at most once a second. Nobody waits
 * for it: what others say is taken over where it is newer than what was measured here, and fades like it. All of it is memory
 * of an isolate.
 */

import type { LoadAnswer, LoadWord, TargetLoad } from "../contract/exchange.ts";
import { MAX_LOADS } from "../contract/exchange.ts";
import type { MeasuredLoad, SharedLoads } from "../contract/upstream-session.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import type { ExchangePart } from "./exchange-part.ts";

/** Tenants whose loads an isolate speaks of, and how long those of an unused one are kept. */
const MAX_TENANTS = 200;
const KEPT_MS = 60_000;

/** Nothing is said or asked more often. */
const SAY_EVERY_MS = 1_000;

/** What this isolate uses it asks about so often, even when it has nothing to say. */
const HEAR_EVERY_MS = 10_000;

/** A time that has changed by this factor is worth an exchange, and one by this factor a word in one that is due anyway. */
const NEWS = 1.5;
const CHANGE = 1.2;

/** What was said so long ago says less and less, so it is said again if it was measured again. */
const SAY_AGAIN_MS = 5_000;

interface OwnLoad {
  readonly load: MeasuredLoad;
  readonly said: MeasuredLoad | null;
}

/** What one isolate and the others measured of one tenant's targets. */
export class TenantLoads implements SharedLoads {
  readonly #own = new Map<string, OwnLoad>();
  #shared: ReadonlyMap<string, MeasuredLoad> = new Map();
  #hasNews = false;
  #saidAtMs = -Infinity;
  #measuredAtMs = -Infinity;

  of(target: string): MeasuredLoad | null {
    return this.#shared.get(target) ?? null;
  }

  tell(target: string, load: MeasuredLoad): void {
    const said = this.#own.get(target)?.said ?? null;
    this.#own.delete(target);
    this.#own.set(target, { load, said });
    const [oldest] = this.#own.keys();
    if (this.#own.size > MAX_LOADS && oldest !== undefined) this.#own.delete(oldest);
    this.#measuredAtMs = load.atMs;
    if (hasChanged(load, said, NEWS)) this.#hasNews = true;
  }

  /** Whether it is worth an exchange. */
  isDue(nowMs: number): boolean {
    const sinceMs = nowMs - this.#saidAtMs;
    const isUsed = nowMs - this.#measuredAtMs < HEAR_EVERY_MS;
    return (this.#hasNews && sinceMs >= SAY_EVERY_MS) || (isUsed && sinceMs >= HEAR_EVERY_MS);
  }

  /** What others should hear; null: not now. */
  collect(nowMs: number): LoadWord | null {
    if (nowMs - this.#saidAtMs < SAY_EVERY_MS) return null;
    this.#saidAtMs = nowMs;
    this.#hasNews = false;
    const targets: TargetLoad[] = [];
    for (const [target, { load, said }] of this.#own) {
      const isOld = said !== null && load.atMs - said.atMs >= SAY_AGAIN_MS;
      if (!isOld && !hasChanged(load, said, CHANGE)) continue;
      this.#own.set(target, { load, said: load });
      targets.push({
        target,
        ms: Math.round(load.ms),
        ageMs: Math.max(0, Math.round(nowMs - load.atMs)),
      });
    }
    return { targets };
  }

  /** What all isolates had measured when this was asked for: it never counts as newer than it is. */
  heard({ targets }: LoadAnswer, askedAtMs: number): void {
    this.#shared = new Map(
      targets.map(({ target, ms, ageMs }) => [target, { ms, atMs: askedAtMs - ageMs }]),
    );
  }
}

function hasChanged({ ms }: MeasuredLoad, said: MeasuredLoad | null, factor: number): boolean {
  return said === null || ms > said.ms * factor || ms * factor < said.ms;
}

const tenants = new BoundedMap<string, TenantLoads>(MAX_TENANTS);

/** What is known of a tenant's targets. */
export function loadsOf(tenantId: string, nowMs: number): TenantLoads {
  const loads = tenants.get(tenantId, nowMs) ?? new TenantLoads();
  tenants.set(tenantId, loads, nowMs + KEPT_MS);
  return loads;
}

/** See above. */
export const loadPart: ExchangePart = {
  isDue: (tenantId, nowMs) =>
    tenants.size > 0 && tenants.get(tenantId, nowMs)?.isDue(nowMs) === true,

  collect(tenantId, nowMs) {
    const loads = tenants.get(tenantId, nowMs)?.collect(nowMs) ?? null;
    return loads === null ? {} : { loads };
  },

  apply(tenantId, { loads }, sentAtMs, nowMs) {
    // Most tenants have nothing to choose among, and nothing is kept of them.
    if (
      loads === undefined ||
      (loads.targets.length === 0 && tenants.get(tenantId, nowMs) === undefined)
    )
      return;
    loadsOf(tenantId, nowMs).heard(loads, sentAtMs);
  },
};
