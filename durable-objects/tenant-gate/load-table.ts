/**
 * LoadTable: how long a tenant's targets take, as its isolates measured them lately.
 *
 * Of each target the last word of each isolate is kept, and all of them are told as one mean in which the fresh count for more. It
 * is memory only: what is lost with it is measured again within seconds.
 */

import { DECAY_MS, mergePeaks, type PeakEwma } from "../../src/algorithms/peak-ewma.ts";
import { type LoadAnswer, type LoadWord, MAX_LOADS } from "../../src/contract/exchange.ts";

/** Isolates whose word on one target is kept; the one that was silent longest is forgotten. */
export const MAX_OBSERVERS = 32;

/** A word this old says nothing any more. */
const FORGOTTEN_AFTER_MS = 3 * DECAY_MS;

/** See above. */
export class LoadTable {
  readonly #targets = new Map<string, Map<string, PeakEwma>>();

  /** Takes what an isolate has measured. */
  take(isolate: string, { targets }: LoadWord, nowMs: number): void {
    for (const { target, ms, ageMs } of targets.slice(0, MAX_LOADS)) {
      const words = this.#targets.get(target) ?? new Map<string, PeakEwma>();
      this.#targets.delete(target);
      this.#targets.set(target, words);
      words.delete(isolate);
      words.set(isolate, { ms, atMs: nowMs - ageMs });
      dropOldest(words, MAX_OBSERVERS);
    }
    dropOldest(this.#targets, MAX_LOADS);
  }

  /** What all of them have measured lately. */
  answer(nowMs: number): LoadAnswer {
    const targets: LoadAnswer["targets"][number][] = [];
    for (const [target, words] of this.#targets) {
      const fresh = [...words.values()].filter(({ atMs }) => nowMs - atMs < FORGOTTEN_AFTER_MS);
      const merged = mergePeaks(fresh, nowMs);
      if (merged === null) this.#targets.delete(target);
      else
        targets.push({
          target,
          ms: Math.round(merged.ms),
          ageMs: Math.max(0, nowMs - merged.atMs),
        });
    }
    return { targets };
  }
}

/** The entry that was set longest ago leaves when there are more than `most`. */
function dropOldest(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}
