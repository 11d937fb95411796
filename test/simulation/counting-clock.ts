/** A clock that knows how many sleep on it. */

import type { Clock } from "../../src/orchestration/ports.ts";

/** See above. */
export class CountingClock implements Clock {
  /** Sleeps that have not ended. */
  sleeping = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.sleeping += 1;
    await this.#clock.sleep(ms, signal);
    this.sleeping -= 1;
  }
}
