/**
 * A binary heap: the first of many in O(log n), whatever else arrives or leaves meanwhile.
 *
 * Source: J. W. J. Williams, "Algorithm 232: Heapsort", CACM 7 (6), 1964; building in O(n) after R. W. Floyd, "Algorithm
 * 245: Treesort 3", CACM 7 (12), 1964. Items of equal standing come in no particular order: `isBefore` must break ties.
 */

/** Items of which the first by `isBefore` is at hand. */
export class BinaryHeap<T> {
  #items: T[] = [];
  readonly #isBefore: (a: T, b: T) => boolean;

  /** `isBefore` is a strict order: never true both ways. */
  constructor(isBefore: (a: T, b: T) => boolean) {
    this.#isBefore = isBefore;
  }

  /** Adds an item. */
  push(item: T): void {
    this.#items.push(item);
    this.#up(this.#items.length - 1);
  }

  /** The first item, which stays; undefined when there is none. */
  peek(): T | undefined {
    return this.#items[0];
  }

  /** Takes the first item out; undefined when there is none. */
  pop(): T | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) {
      this.#items[0] = last;
      this.#down(0);
    }
    return first;
  }

  /** Restores the order after items changed their standing. */
  reorder(): void {
    for (let index = (this.#items.length >> 1) - 1; index >= 0; index -= 1) this.#down(index);
  }

  #up(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #down(from: number): void {
    let index = from;
    for (;;) {
      const left = 2 * index + 1;
      const child = this.#isBeforeAt(left + 1, left) ? left + 1 : left;
      if (!this.#swapIfBefore(child, index)) return;
      index = child;
    }
  }

  #isBeforeAt(index: number, other: number): boolean {
    const item = this.#items[index];
    const against = this.#items[other];
    return item !== undefined && against !== undefined && this.#isBefore(item, against);
  }

  /** Swaps the two when the first place holds what belongs before the second. */
  #swapIfBefore(index: number, other: number): boolean {
    const item = this.#items[index];
    const against = this.#items[other];
    if (item === undefined || against === undefined || !this.#isBefore(item, against)) return false;
    this.#items[index] = against;
    this.#items[other] = item;
    return true;
  }
}
