/**
 * The isolate's memory under Zipf(1.0), beside an offline GDSF of the same room: the same formula, told beforehand how
 * often each result will have been asked for. Both see the same requests; sizes are lognormal, costs are equal.
 */

import { BinaryHeap } from "../../src/algorithms/binary-heap.ts";
import type { CacheEntry } from "../../src/tools/cache/cache-entry.ts";
import { sizeOf } from "../../src/tools/cache/cache-entry.ts";
import { tenantScope, type ResultKey } from "../../src/tools/cache/cache-key.ts";
import { IsolateCache } from "../../src/tools/cache/isolate-cache.ts";
import { seededRandom } from "../statistics.ts";

/** How large and how long a comparison is. */
export interface ZipfWorkload {
  readonly results: number;
  readonly requests: number;
  /** Room, as a share of the bytes of all results. */
  readonly room: number;
  readonly seed: number;
}

/** Shares of requests answered from memory. */
export interface ZipfHits {
  readonly ours: number;
  readonly offline: number;
}

/** Median length of a result, in characters, and the spread of its logarithm. */
const MEDIAN_LENGTH = 1_000;
const SPREAD = 1;
const COST_MS = 100;
const LATER = Number.MAX_SAFE_INTEGER;

/** Hit ratios of both over one trace. */
export function zipfHits({ results, requests, room, seed }: ZipfWorkload): ZipfHits {
  const random = seededRandom(seed);
  const entries = Array.from({ length: results }, () => entryOf(lognormalLength(random)));
  const sizes = entries.map(sizeOf);
  const bytes = Math.floor(room * sizes.reduce((sum, size) => sum + size, 0));
  const draw = zipfDraw(results, random);
  const trace = Array.from({ length: requests }, draw);
  return { ours: ourHits(entries, bytes, trace), offline: offlineHits(sizes, bytes, trace) };
}

/** Ranks from 0 with probability proportional to 1 ÷ (rank + 1), by inverting the distribution. */
export function zipfDraw(count: number, random: () => number): () => number {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank += 1) {
    sum += 1 / (rank + 1);
    cumulative[rank] = sum;
  }
  return () => {
    const wanted = random() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

function ourHits(entries: readonly CacheEntry[], bytes: number, trace: readonly number[]): number {
  const cache = new IsolateCache(bytes);
  const scope = tenantScope({ tenantId: "bench" });
  if (scope === null) throw new Error("no scope");
  const keys = entries.map((_, rank): ResultKey => `r1:${scope}:${rank}`);
  let hits = 0;
  for (const rank of trace) {
    const [key, entry] = [keys[rank], entries[rank]];
    if (key === undefined || entry === undefined) continue;
    if (cache.get("bench", key, 0) !== undefined) hits += 1;
    else cache.put("bench", key, entry, LATER);
  }
  return hits / trace.length;
}

/** H = L + F × C ÷ S with the F of the whole trace. */
function offlineHits(sizes: readonly number[], bytes: number, trace: readonly number[]): number {
  const frequency = new Float64Array(sizes.length);
  for (const rank of trace) frequency[rank] = (frequency[rank] ?? 0) + 1;
  const held = new Map<number, number>();
  const heap = new BinaryHeap<{ rank: number; priority: number }>(
    (a, b) => a.priority < b.priority || (a.priority === b.priority && a.rank < b.rank),
  );
  let [clock, used, hits] = [0, 0, 0];
  const touch = (rank: number): void => {
    const priority = clock + ((frequency[rank] ?? 0) * COST_MS) / (sizes[rank] ?? 1);
    held.set(rank, priority);
    heap.push({ rank, priority });
  };
  for (const rank of trace) {
    if (held.has(rank)) {
      hits += 1;
      touch(rank);
      continue;
    }
    touch(rank);
    used += sizes[rank] ?? 0;
    while (used > bytes) {
      const first = heap.pop();
      if (first === undefined) break;
      if (held.get(first.rank) !== first.priority) continue;
      clock = first.priority;
      held.delete(first.rank);
      used -= sizes[first.rank] ?? 0;
    }
  }
  return hits / trace.length;
}

function entryOf(length: number): CacheEntry {
  const until = { expiresAtMs: LATER, staleUntilMs: LATER, keptUntilMs: LATER };
  return { kept: { outputJson: "x".repeat(length) }, ...until, costMs: COST_MS, validators: {} };
}

function lognormalLength(random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.min(200_000, Math.round(MEDIAN_LENGTH * Math.exp(SPREAD * normal)));
}
