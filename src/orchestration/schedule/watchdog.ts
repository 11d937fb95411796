/**
 * One timer for everything a run must not wait for longer than it said: it sleeps until the earliest moment anybody named.
 *
 * A timer for each call would cost more than the calls; most runs end before the one timer fires.
 */

import type { Clock } from "../ports.ts";

/** Calls back when the earliest of the moments it was told has come. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #onDue: () => number;
  #sleep = new AbortController();
  #dueAtMs = Infinity;
  #isClosed = false;

  /** `onDue` handles all that is due and returns the next moment, `Infinity` for none. */
  constructor(clock: Clock, onDue: () => number) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Makes sure that `onDue` is called at `atMs` or earlier. */
  watch(atMs: number): void {
    if (atMs >= this.#dueAtMs || this.#isClosed) return;
    this.#sleep.abort();
    this.#sleep = new AbortController();
    this.#dueAtMs = atMs;
    // Not awaited: it ends with `close`, and a clock never rejects.
    void this.#wait(atMs, this.#sleep.signal);
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#isClosed = true;
    this.#sleep.abort();
  }

  async #wait(atMs: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(Math.max(0, atMs - this.#clock.now()), signal);
    if (signal.aborted) return;
    this.#dueAtMs = Infinity;
    this.watch(this.#onDue());
  }
}
