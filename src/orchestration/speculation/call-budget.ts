/**
 * Bounds the calls made on a guess to a share of the calls that models really make: each real call adds `share`, each
 * guess costs one, and a guess that was right is given back, because it is then no extra call. So over any stretch the
 * wrong guesses are at most share × calls. Nothing is saved up beyond the cap, and a share of 0 never guesses.
 */

/** Guesses that may be saved up. */
export const MAX_SAVED_GUESSES = 4;

/** See above. */
export class CallBudget {
  #left = 0;

  /** Whether a guess may be made. */
  get hasRoom(): boolean {
    return this.#left >= 1;
  }

  /** Whether a guess may be made; makes it when it may. */
  take(): boolean {
    if (!this.hasRoom) return false;
    this.#left -= 1;
    return true;
  }

  /** A model made `calls` calls, `hits` of which had been guessed. */
  earn(calls: number, hits: number, share: number): void {
    this.#left = Math.min(MAX_SAVED_GUESSES, this.#left + calls * share + hits);
  }
}
