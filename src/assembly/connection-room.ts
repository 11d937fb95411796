/**
 * The connections of one invocation: as many calls as it has slots, and hedges only in what calls leave free.
 *
 * A call always finds its place: when hedges have taken the last one, the newest hedge is recalled. So an invocation never
 * has more requests in flight than it has slots.
 */

import type { SpareConnections } from "../resilience/hedge.ts";

/** Connections one invocation spends on tool calls: of the platform's six one stays free for the model and the cache. */
export const SLOTS_PER_INVOCATION = 5;

/** See above. */
export class ConnectionRoom implements SpareConnections {
  readonly #slots: number;
  readonly #hedges: (() => void)[] = [];
  #calls = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** A call takes its place; the function returned gives it back. */
  enter(): () => void {
    this.#calls += 1;
    if (this.#calls + this.#hedges.length > this.#slots) this.#hedges.pop()?.();
    return () => {
      this.#calls -= 1;
    };
  }

  take(recall: () => void): (() => void) | null {
    if (this.#calls + this.#hedges.length >= this.#slots) return null;
    this.#hedges.push(recall);
    return () => {
      const at = this.#hedges.indexOf(recall);
      if (at >= 0) this.#hedges.splice(at, 1);
    };
  }
}
