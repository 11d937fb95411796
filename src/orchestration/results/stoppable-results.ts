/**
 * Kept results as one run sees them: keeping and reading end with the run, however long the store takes, or a moment after
 * its deadline, since what has ended by then is still told. What was not kept is cut without a handle, what was not read
 * is unknown.
 */

import type { Clock, KeptResults } from "../ports.ts";
import { createStop } from "../stop.ts";

/** How long after the deadline of its run a result may still be kept or read. */
export const RESULT_GRACE_MS = 1_000;

/** `results` that nothing waits for beyond `deadlineAtMs` and the grace, nor once `signal` has aborted. */
export function stoppableResults(
  results: KeptResults,
  clock: Clock,
  deadlineAtMs: number,
  signal: AbortSignal,
): KeptResults {
  async function within<T>(work: Promise<T>, otherwise: T): Promise<T> {
    const stop = createStop(clock, deadlineAtMs + RESULT_GRACE_MS, signal);
    const done = await stop.race(work);
    stop.release();
    return done.ok ? done.value : otherwise;
  }
  return {
    maxTokensPerTurn: results.maxTokensPerTurn,
    keep: (handle, json) => within(results.keep(handle, json), false),
    read: (handle) => within(results.read(handle), null),
  };
}
