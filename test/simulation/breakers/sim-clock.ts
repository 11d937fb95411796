/** A discrete clock for many sleepers: time moves to the next event, and whatever follows from it runs before the next one. */

import { BinaryHeap } from "../../../src/algorithms/binary-heap.ts";
import type { Clock } from "../../../src/platform/clock.ts";

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
  isOff: boolean;
}

/** See above. */
export class SimClock implements Clock {
  readonly #events = new BinaryHeap<Event>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order),
  );
  #nowMs: number;
  #order = 0;
  /** Sleeps and timers that have not ended. */
  sleeping = 0;

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, act: () => void): Event {
    this.#order += 1;
    const event = { atMs: this.#nowMs + delayMs, order: this.#order, act, isOff: false };
    this.#events.push(event);
    return event;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.sleeping += 1;
    const wake = (): void => {
      if (event.isOff) return;
      event.isOff = true;
      this.sleeping -= 1;
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const event = this.after(ms, wake);
    signal.addEventListener("abort", wake);
    return promise;
  }

  /** A sleep with a signal of its own costs several times as much. */
  timer(ms: number, callback: () => void): () => void {
    this.sleeping += 1;
    const stop = (): boolean => {
      if (event.isOff) return false;
      event.isOff = true;
      this.sleeping -= 1;
      return true;
    };
    const event = this.after(ms, () => {
      if (stop()) callback();
    });
    return () => void stop();
  }

  /** Lets so much time pass, event by event. */
  async run(forMs: number): Promise<void> {
    const endMs = this.#nowMs + forMs;
    for (;;) {
      const next = this.#events.peek();
      if (next === undefined || next.atMs > endMs) break;
      this.#events.pop();
      if (next.isOff) continue;
      this.#nowMs = next.atMs;
      next.act();
      // A tick comes after every microtask there is, and costs less than a turn of the event loop.
      await new Promise((resolve) => process.nextTick(resolve, null));
    }
    this.#nowMs = endMs;
  }
}
