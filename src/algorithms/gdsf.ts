/**
 * GDSF: a cache that keeps what saves most for the room it takes.
 *
 * The entry with the least priority H = L + F × C / S leaves first: F how often it was asked for since it came, C what it
 * costs to get again, S its size, and L the priority of the last one that left, by which old popularity ages.
 * Source: L. Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy", HP Labs
 * HPL-98-69R1, 1998. Priorities only grow while an entry stays, so the heap may hold an older one: it is put right when it
 * comes up, and a hit costs no more than an addition.
 */

import { BinaryHeap } from "./binary-heap.ts";

interface Entry<V> {
  readonly key: string;
  readonly value: V;
  readonly size: number;
  readonly cost: number;
  frequency: number;
  priority: number;
  /** The order in which they came; breaks ties, so equal entries leave oldest first. */
  readonly order: number;
}

interface Claim<V> {
  readonly entry: Entry<V>;
  readonly priority: number;
}

/** Entries of which the least worth keeping is at hand. It has no bound of its own: whoever fills it evicts. */
export class GdsfCache<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #heap = new BinaryHeap<Claim<V>>(
    (a, b) =>
      a.priority < b.priority || (a.priority === b.priority && a.entry.order < b.entry.order),
  );
  #clock = 0;
  #order = 0;
  #size = 0;

  /** Sum of the sizes of all entries. */
  get size(): number {
    return this.#size;
  }

  /** Number of entries. */
  get count(): number {
    return this.#entries.size;
  }

  /** The value, which has been asked for once more; undefined when it is not here. */
  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.frequency += 1;
    entry.priority = this.#priorityOf(entry);
    return entry.value;
  }

  /** Keeps a value; `size` and `cost` above 0. One that was here under this key is replaced and its popularity kept. */
  set(key: string, value: V, size: number, cost: number): void {
    const frequency = this.#entries.get(key)?.frequency ?? 1;
    this.delete(key);
    this.#order += 1;
    const entry = { key, value, size, cost, frequency, priority: 0, order: this.#order };
    entry.priority = this.#priorityOf(entry);
    this.#entries.set(key, entry);
    this.#size += size;
    this.#heap.push({ entry, priority: entry.priority });
  }

  /** Forgets a value. Its place in the heap goes when it comes up. */
  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#size -= entry.size;
  }

  /** Takes the entry with the least priority out and returns its key; undefined when there is none. */
  evict(): string | undefined {
    for (let claim = this.#heap.pop(); claim !== undefined; claim = this.#heap.pop()) {
      const { entry } = claim;
      if (this.#entries.get(entry.key) !== entry) continue;
      if (entry.priority > claim.priority) {
        this.#heap.push({ entry, priority: entry.priority });
        continue;
      }
      this.#clock = entry.priority;
      this.delete(entry.key);
      return entry.key;
    }
    return undefined;
  }

  #priorityOf({ frequency, cost, size }: Entry<V>): number {
    return this.#clock + (frequency * cost) / size;
  }
}
