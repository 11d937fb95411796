/**
 * One timer for everything a run must not wait for longer than it said: it sleeps until the earliest moment anybody named.
 *
 * A timer for each call would cost more than the calls; most runs end before the one timer fires.
 */

import { startTimer } from "../../platform/clock.ts";
import type { Clock } from "../ports.ts";

/** Calls back when the earliest of the moments it was told has come. */
export class Watchdog {
  readonly #clock: Clock;
  readonly #onDue: () => number;
  #disarm = (): void => undefined;
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
    this.#disarm();
    this.#dueAtMs = atMs;
    this.#disarm = startTimer(this.#clock, Math.max(0, atMs - this.#clock.now()), () => {
      this.#dueAtMs = Infinity;
      this.watch(this.#onDue());
    });
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#isClosed = true;
    this.#disarm();
  }
}
