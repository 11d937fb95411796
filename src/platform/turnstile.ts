/**
 * A turnstile: one passes, the others wait in the order they came.
 *
 * Whoever waits leaves when its signal aborts and then never passes. Nothing here fails.
 */

/** Where one at a time passes. */
export interface Turnstile {
  /** Resolves with what lets the next one pass (call it once, more do nothing), or with null when `signal` aborted first. */
  enter(signal: AbortSignal): Promise<(() => void) | null>;
}

/** A turnstile nobody is in. */
export function createTurnstile(): Turnstile {
  let last: Promise<void> = Promise.resolve();
  return {
    async enter(signal) {
      const before = last;
      const { promise: done, resolve: leave } = Promise.withResolvers<void>();
      last = before.then(() => done);
      if (await firstOf(before, signal)) return leave;
      // It gives up its place: the next one passes as soon as the one before has left.
      leave();
      return null;
    },
  };
}

/** True when `turn` came first, false when `signal` aborted. */
async function firstOf(turn: Promise<void>, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise: aborted, resolve } = Promise.withResolvers<boolean>();
  const onAbort = (): void => resolve(false);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([turn.then(() => true), aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
