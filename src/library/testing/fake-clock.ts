/**
 * A discrete clock for tests: time moves only when told to, and everything that is due happens in order.
 *
 * `settle` runs what is ready without moving time; `advance` moves it from timer to timer. It works the same in
 * workerd and in Node and never waits for real time.
 */

import type { Clock } from "../../orchestration/ports.ts";

interface Timer {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock whose time the test moves. */
export class FakeClock implements Clock {
  #nowMs: number;
  #timers: Timer[] = [];

  constructor(startMs = 1_000) {
    this.#nowMs = startMs;
  }

  /** Timers that have not fired; 0 when nothing was left behind. */
  get pending(): number {
    return this.#timers.length;
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer: Timer = {
      atMs: this.#nowMs + ms,
      wake: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
        signal.removeEventListener("abort", timer.wake);
        resolve();
      },
    };
    signal.addEventListener("abort", timer.wake);
    this.#timers.push(timer);
    return promise;
  }

  /** Lets everything that is ready run; time stands still. */
  async settle(): Promise<void> {
    // A macrotask: every microtask there is runs before it.
    await new Promise((resolve) => soon(() => resolve(null)));
  }

  /** Moves time by `ms`, waking each timer at its moment. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.settle();
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.atMs > untilMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.wake();
      await this.settle();
    }
    this.#nowMs = untilMs;
  }

  /** Moves time to the next timer, wakes it and lets what follows run; false when there is none. */
  async step(): Promise<boolean> {
    const next = this.#earliest();
    if (next === undefined) return false;
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    next.wake();
    await this.settle();
    return true;
  }

  /** Moves time from timer to timer until `promise` settles; rejects when it hangs with no timer left. */
  async runUntil<T>(promise: Promise<T>): Promise<T> {
    const watched = { isSettled: false };
    const mark = (): void => {
      watched.isSettled = true;
    };
    promise.then(mark, mark);
    await this.settle();
    while (!watched.isSettled) {
      if (!(await this.step())) throw new Error("The promise hangs and no timer is left.");
    }
    return promise;
  }

  #earliest(): Timer | undefined {
    return this.#timers.toSorted((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Not every runtime has `setImmediate`; a timer of nothing only takes longer. */
function soon(callback: () => void): void {
  if (typeof setImmediate === "function") setImmediate(callback);
  else setTimeout(callback, 0);
}
