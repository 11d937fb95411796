/**
 * A map that never holds more than `capacity` entries and forgets each at its expiry.
 *
 * The isolate's caches are these: the oldest entry leaves when a new one would not fit, so a flood of distinct keys
 * costs hits, never memory.
 */
export class BoundedMap<K, V> {
  readonly #capacity: number;
  readonly #entries = new Map<K, { readonly value: V; readonly expiresAtMs: number }>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Number of entries held, expired ones not yet swept included. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value, or undefined when it is unknown or its time (epoch ms) has come. */
  get(key: K, nowMs: number): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAtMs <= nowMs) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry.value;
  }

  /** Keeps `value` until `expiresAtMs` (epoch ms) or until it is the oldest of a full map. */
  set(key: K, value: V, expiresAtMs: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, expiresAtMs });
    if (this.#entries.size <= this.#capacity) return;
    const oldest = this.#entries.keys().next();
    if (oldest.done !== true) this.#entries.delete(oldest.value);
  }

  /** Forgets one entry. */
  delete(key: K): void {
    this.#entries.delete(key);
  }
}
