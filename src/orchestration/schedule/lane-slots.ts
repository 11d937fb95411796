/**
 * The slots of a run's lanes: who is busy, and more of them when more calls can run at once.
 *
 * A slot is taken until its lane has answered, also when the call was left behind before: the connection is still in use.
 */

import type { Lane, LanePool } from "../ports.ts";

/** A lane with what it is doing. */
export interface LaneLoad {
  readonly lane: Lane;
  inFlight: number;
  wasUsed: boolean;
}

/** Lends the slots of a pool's lanes. */
export class LaneSlots {
  readonly #pool: LanePool;
  readonly #loads = new Map<Lane, LaneLoad>();
  /** Lanes that take new calls. The pool may replace a small lane by bigger ones as a run grows. */
  #open: readonly LaneLoad[] = [];
  #asked = 0;

  constructor(pool: LanePool) {
    this.#pool = pool;
  }

  /** Lanes that ran at least one call. */
  get used(): number {
    return [...this.#loads.values()].filter((load) => load.wasUsed).length;
  }

  /** Asks the pool for lanes that hold `calls` together, unless it was asked for as many before. */
  grow(calls: number): void {
    if (calls <= this.#asked) return;
    this.#asked = calls;
    this.#open = this.#pool.lanes(calls).map((lane) => this.#loadOf(lane));
  }

  /** A lane with a free slot, the first in order; null when all are busy. Pass it to `take` and later to `give`. */
  free(): LaneLoad | null {
    return this.#open.find((load) => load.inFlight < load.lane.slots) ?? null;
  }

  /** Takes a slot of `load`. */
  take(load: LaneLoad): void {
    load.inFlight += 1;
    load.wasUsed = true;
  }

  /** Gives a slot back. */
  give(load: LaneLoad): void {
    load.inFlight -= 1;
  }

  #loadOf(lane: Lane): LaneLoad {
    const load = this.#loads.get(lane) ?? { lane, inFlight: 0, wasUsed: false };
    this.#loads.set(lane, load);
    return load;
  }
}
