/**
 * The calls that may start, in the order they should, under caps on what is in flight at once.
 *
 * Calls with the same caps wait in one heap, so finding the next call looks at one call for each set of caps (at most one
 * a tool, one in all when nothing is capped) and a capped call never holds up the others. Taking and giving back cost
 * O(log n); a call that leaves unstarted is forgotten at once and swept out of its heap later.
 */

import { BinaryHeap } from "../../algorithms/binary-heap.ts";

/** At most `limit` calls that share `name` in flight at once. */
export interface Cap {
  readonly name: string;
  /** At least 1. */
  readonly limit: number;
}

/** What can wait here. While it waits, call `reorder` after its standing was changed. */
export interface ReadyItem {
  readonly caps: readonly Cap[];
  /** Higher goes first. */
  readonly priority: number;
  /** Higher goes first among those of one priority. */
  readonly rank: number;
  /** Lower goes first among equals; unique. */
  readonly order: number;
}

/** By priority, then by rank, then by order. */
export function byStanding(a: ReadyItem, b: ReadyItem): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  return a.rank === b.rank ? byOrder(a, b) : a.rank > b.rank;
}

/** By order alone. */
export function byOrder(a: ReadyItem, b: ReadyItem): boolean {
  return a.order < b.order;
}

interface Group<Item> {
  readonly caps: readonly Cap[];
  readonly heap: BinaryHeap<Item>;
}

/** A queue that keeps caps: what it hands out is in flight until it is given back. */
export class ReadyQueue<Item extends ReadyItem> {
  readonly #groups = new Map<string, Group<Item>>();
  readonly #waiting = new Set<Item>();
  readonly #inFlight = new Map<string, number>();
  readonly #isBefore: (a: ReadyItem, b: ReadyItem) => boolean;

  /** `isBefore` says which of two items goes first. */
  constructor(isBefore: (a: ReadyItem, b: ReadyItem) => boolean) {
    this.#isBefore = isBefore;
  }

  /** Items waiting. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Adds an item that may start. */
  add(item: Item): void {
    this.#waiting.add(item);
    this.#groupOf(item).heap.push(item);
  }

  /** Removes an item that shall not start any more; does nothing when it does not wait. */
  delete(item: Item): void {
    this.#waiting.delete(item);
  }

  /** The first item its caps allow, which stays; null when there is none. */
  peek(): Item | null {
    let item: Item | null = null;
    for (const group of this.#groups.values()) {
      const head = this.#headOf(group);
      if (head === undefined || (item !== null && !this.#isBefore(head, item))) continue;
      if (group.caps.some((cap) => this.#used(cap) >= cap.limit)) continue;
      item = head;
    }
    return item;
  }

  /** Takes out what `peek` returned. It counts as in flight until `giveBack`. */
  take(item: Item): void {
    this.#groupOf(item).heap.pop();
    this.#waiting.delete(item);
    this.#count(item, 1);
  }

  /** An item that was taken is not in flight any more. */
  giveBack(item: Item): void {
    this.#count(item, -1);
  }

  /** Call it when the standing of waiting items has changed. */
  reorder(): void {
    for (const { heap } of this.#groups.values()) heap.reorder();
  }

  #headOf({ heap }: Group<Item>): Item | undefined {
    let head = heap.peek();
    while (head !== undefined && !this.#waiting.has(head)) {
      heap.pop();
      head = heap.peek();
    }
    return head;
  }

  #groupOf({ caps }: Item): Group<Item> {
    const key = caps.length === 0 ? "" : caps.map(({ name }) => name).join("\n");
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    const group = { caps, heap: new BinaryHeap<Item>(this.#isBefore) };
    this.#groups.set(key, group);
    return group;
  }

  #used({ name }: Cap): number {
    return this.#inFlight.get(name) ?? 0;
  }

  #count({ caps }: Item, change: 1 | -1): void {
    for (const cap of caps) this.#inFlight.set(cap.name, this.#used(cap) + change);
  }
}
