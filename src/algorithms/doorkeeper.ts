/**
 * Doorkeeper: remembers in a few bits whether something was asked for before, so that what comes once is not kept.
 *
 * A Bloom filter that is emptied after so many new names, as in front of TinyLFU's frequency sketch. Source: G. Einziger,
 * R. Friedman, B. Manes, "TinyLFU: A Highly Efficient Cache Admission Policy", ACM TOS 13 (4), 2017, §3.4.2. With 16 bits
 * a name and four probes (double hashing after Kirsch and Mitzenmacher, 2006) at most 0.24 % of new names pass as known
 * when it is full: (1 − e^(−4/16))⁴.
 */

const BITS_PER_NAME = 16;
const PROBES = 4;

/** What has been seen lately. */
export class Doorkeeper {
  readonly #capacity: number;
  readonly #bits: Uint32Array;
  #names = 0;

  /** Remembers up to `capacity` names (a power of two), then starts anew. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#bits = new Uint32Array((capacity * BITS_PER_NAME) / 32);
  }

  /** Notes the name; true when it was seen before, or, rarely, when it only looks so. */
  admit(name: string): boolean {
    const { first, second } = hashesOf(name);
    const mask = this.#bits.length * 32 - 1;
    let isKnown = true;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = (first + Math.imul(probe, second)) & mask;
      const word = bit >>> 5;
      const held = this.#bits[word] ?? 0;
      const flag = 1 << (bit & 31);
      if ((held & flag) === 0) isKnown = false;
      this.#bits[word] = held | flag;
    }
    if (!isKnown) this.#count();
    return isKnown;
  }

  #count(): void {
    this.#names += 1;
    if (this.#names < this.#capacity) return;
    this.#bits.fill(0);
    this.#names = 0;
  }
}

/** Two independent 32-bit hashes: FNV-1a (Fowler, Noll, Vo), each finished with the mixer of MurmurHash3 (Appleby). */
function hashesOf(name: string): { readonly first: number; readonly second: number } {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
  }
  // An odd step reaches every bit of a table whose size is a power of two.
  return { first: mixed(hash), second: mixed(hash ^ 0x9e3779b9) | 1 };
}

function mixed(hash: number): number {
  const one = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  const two = Math.imul(one ^ (one >>> 13), 0xc2b2ae35);
  return two ^ (two >>> 16);
}
