/**
 * A run's places among the calls its isolate may have in flight. Without contention taking one is an addition; with it,
 * the run waits for its turn and goes on when it is woken. What it cannot use it gives back at once.
 */

import type { CallShare } from "../ports.ts";

/** Takes and gives places of one run. */
export class Places {
  readonly #share: CallShare | undefined;
  readonly #onGranted: () => void;
  /** Granted and not used yet. */
  #granted = 0;
  #isWaiting = false;
  #isListening = false;

  /** `onGranted` is called when places came that the run waited for. Without a share there is always a place. */
  constructor(share: CallShare | undefined, onGranted: () => void) {
    this.#share = share;
    this.#onGranted = onGranted;
  }

  /** Takes a place. False when there is none: then it waits for as many as `calls`, each for about `costMs`. */
  take(calls: number, costMs: number): boolean {
    if (this.#share === undefined) return true;
    if (this.#granted > 0) {
      this.#granted -= 1;
      return true;
    }
    if (this.#share.take()) return true;
    this.#isWaiting = true;
    this.#share.want(calls, costMs);
    // Not awaited: it ends when nothing is waited for, and a share never rejects.
    if (!this.#isListening) void this.#listen(this.#share);
    return false;
  }

  /** Gives back a place whose call has ended. */
  give(): void {
    this.#share?.give();
  }

  /** Nothing can start now: waits no longer, and gives back what was granted meanwhile. */
  rest(): void {
    if (this.#isWaiting) this.#share?.want(0, 0);
    this.#isWaiting = false;
    for (; this.#granted > 0; this.#granted -= 1) this.give();
  }

  async #listen(share: CallShare): Promise<void> {
    this.#isListening = true;
    while (this.#isWaiting) {
      this.#granted += await share.granted();
      this.#onGranted();
    }
    this.#isListening = false;
  }
}
