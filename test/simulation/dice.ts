/** Everything random in a simulated world, from the world's seed alone: the same seed is the same world. */

import { seededRandom } from "../../bench/statistics.ts";

/** Draws that follow from what the dice were made of. */
export class Dice {
  readonly #next: () => number;

  /** Dice of one purpose: the world's seed first, then what is drawn for. */
  constructor(...purpose: readonly (string | number)[]) {
    this.#next = seededRandom(hashOf(purpose.join("/")));
  }

  /** True with probability `share`. */
  chance(share: number): boolean {
    return this.#next() < share;
  }

  /** A number at least 0 and below 1. */
  share(): number {
    return this.#next();
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + Math.floor(this.#next() * (most - least + 1));
  }

  /** The time to the next of events that come at random, `meanMs` apart on average. */
  wait(meanMs: number): number {
    return -Math.log(1 - this.#next()) * meanMs;
  }

  /** One of `list`; throws when it is empty, which is a bug. */
  pick<T>(list: readonly T[]): T {
    const item = list[this.int(0, list.length - 1)];
    if (item === undefined) throw new Error("There is nothing to pick from.");
    return item;
  }

  /** `list` in another order. */
  shuffled<T>(list: readonly T[]): readonly T[] {
    return list
      .map((item) => ({ item, at: this.#next() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }
}

/** FNV-1a, 32 bits. Source: draft-eastlake-fnv. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1)
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}
