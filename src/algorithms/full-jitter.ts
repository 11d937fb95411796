/**
 * Full jitter: the pause before attempt n + 1 is drawn evenly from 0 to min(cap, base · 2^(n-1)).
 *
 * Callers that failed together come back spread over the whole pause, not in step. Source: M. Brooker, "Exponential
 * Backoff And Jitter", AWS Architecture Blog, 2015.
 */

/** The shape of the pauses, in milliseconds. */
export interface BackoffRange {
  readonly baseMs: number;
  readonly capMs: number;
}

/** The pause after attempt `attempt` (from 1) has failed, in milliseconds; `random` gives 0 ≤ x < 1. */
export function fullJitterMs(
  attempt: number,
  { baseMs, capMs }: BackoffRange,
  random: () => number,
): number {
  return random() * Math.min(capMs, baseMs * 2 ** (attempt - 1));
}
