/** A discrete-event clock: what is due next, in order of time and then of asking. No real time passes. */

import { BinaryHeap } from "../../src/algorithms/binary-heap.ts";

/** Simulated time with what is still to happen. */
export class Events {
  readonly #queue = new BinaryHeap<{
    readonly atMs: number;
    readonly number: number;
    readonly happen: () => void;
  }>((a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number));
  #asked = 0;
  #nowMs = 0;

  /** Simulated milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Lets `happen` be called `delayMs` (at least 0) from now. */
  in(delayMs: number, happen: () => void): void {
    this.#asked += 1;
    this.#queue.push({ atMs: this.#nowMs + delayMs, number: this.#asked, happen });
  }

  /** Lets everything happen until `untilMs`, or until nothing is left. */
  run(untilMs: number): void {
    for (;;) {
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > untilMs) break;
      this.#queue.pop();
      this.#nowMs = next.atMs;
      next.happen();
    }
    this.#nowMs = untilMs;
  }

  /** The same for a simulation that awaits promises: what an event leads to happens before the next one. */
  async runWithPromises(untilMs: number): Promise<void> {
    for (;;) {
      const next = this.#queue.peek();
      if (next === undefined || next.atMs > untilMs) break;
      this.run(next.atMs);
      await new Promise(setImmediate);
    }
    this.#nowMs = untilMs;
  }
}
