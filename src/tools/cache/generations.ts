/**
 * Generations: what makes kept results disappear at once. A number for everything of a tenant, for each tool and for each
 * tag counts invalidations; those a result depends on are part of its key, so an older result is never found again.
 *
 * An isolate works from what it has read for at most `VIEW_MS` and reads ahead while it is used, so a hit waits for nothing
 * and another isolate's invalidation is seen within that time. Its own, and a write it made, it sees at once. When they
 * cannot be read nothing is answered from the cache.
 */

import type { ResultGenerations } from "../../contract/flight.ts";
import { BoundedMap } from "../../platform/bounded-map.ts";
import { within } from "./within.ts";

/** How long an isolate works from what it has read: the bound on what others invalidated. */
export const VIEW_MS = 5_000;

/** After that it reads ahead. */
const READ_AHEAD_MS = 4_000;

/** Tenants whose generations an isolate holds. */
const MAX_TENANTS = 1_000;

/** Longest wait for them; then the cache is left alone. */
const MAX_READ_MS = 1_000;

interface View {
  readonly generations: ResultGenerations;
  readonly readAtMs: number;
  /** Somebody is reading ahead. */
  isReading: boolean;
}

/** Where the generations of one tenant are kept. Both may reject. */
export interface GenerationSource {
  read(): Promise<ResultGenerations>;
  /** Counts an invalidation of each scope. */
  advance(scopes: readonly string[]): Promise<ResultGenerations>;
}

/** The generations that one isolate has read, of all its tenants. */
export class GenerationViews {
  readonly #views = new BoundedMap<string, View>(MAX_TENANTS);

  /** The tenant's generations, or null when they cannot be had soon. `signal` ends the wait. */
  async current(
    tenantId: string,
    source: GenerationSource,
    ports: { readonly now: () => number; readonly defer: (work: Promise<unknown>) => void },
    signal: AbortSignal,
  ): Promise<ResultGenerations | null> {
    const nowMs = ports.now();
    const view = this.#views.get(tenantId, nowMs);
    if (view === undefined) {
      const reading = this.#read(tenantId, source, ports.now).catch(() => null);
      return within(MAX_READ_MS, signal, reading);
    }
    if (nowMs - view.readAtMs >= READ_AHEAD_MS && !view.isReading) {
      view.isReading = true;
      ports.defer(this.#read(tenantId, source, ports.now).catch(() => undefined));
    }
    return view.generations;
  }

  /** Counts an invalidation; from now on this isolate finds nothing older. Rejects when it could not be counted. */
  async advance(
    tenantId: string,
    source: GenerationSource,
    scopes: readonly string[],
    now: () => number,
  ): Promise<void> {
    this.forget(tenantId);
    const fromMs = now();
    this.#hold(tenantId, await source.advance(scopes), fromMs);
  }

  /** The next one reads again. */
  forget(tenantId: string): void {
    this.#views.delete(tenantId);
  }

  async #read(
    tenantId: string,
    source: GenerationSource,
    now: () => number,
  ): Promise<ResultGenerations> {
    // As old as the question, not as the answer.
    const fromMs = now();
    return this.#hold(tenantId, await source.read(), fromMs);
  }

  /** Answers may overtake each other: what counts more invalidations is the newer one. */
  #hold(tenantId: string, generations: ResultGenerations, readAtMs: number): ResultGenerations {
    const held = this.#views.get(tenantId, readAtMs);
    if (held !== undefined && held.generations.count > generations.count) return held.generations;
    this.#views.set(tenantId, { generations, readAtMs, isReading: false }, readAtMs + VIEW_MS);
    return generations;
  }
}

/** The scope of everything a tenant keeps. */
export const ALL = "all";

/** The scope of the results of one tool. */
export function toolScope(tool: string): string {
  return `tool:${tool}`;
}

/** The scope of the results that carry a tag. */
export function tagScope(tag: string): string {
  return `tag:${tag}`;
}

/** The part of a key that changes with every invalidation a result is subject to. */
export function generationOf(
  { scopes }: ResultGenerations,
  tool: string,
  tags: readonly string[],
): string {
  const subject = [ALL, toolScope(tool), ...tags.map(tagScope)];
  return subject.map((scope) => (Object.hasOwn(scopes, scope) ? scopes[scope] : 0)).join(".");
}
