/** Giving up a request early, so that another one can follow before the deadline. */

import type { Verdict } from "../contract/upstream-session.ts";
import type { Clock } from "../platform/clock.ts";
import { type DeadlineFailure, TIMED_OUT } from "./deadline.ts";

/** A request that was not waited for any longer. */
export const GAVE_UP = Symbol("gave up");

/** Its end. */
export const TIMEOUT: DeadlineFailure = { kind: "timeout", sent: true };

/** What it says of its target. */
export const OUT_OF_TIME: Verdict = { class: "timed_out", retryAfterMs: null, executed: true };

/** Asks for `waitMs` at most (null: as long as it takes); then the request is aborted and left behind. */
export async function askFor<R>(
  waitMs: number | null,
  clock: Clock,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<R>,
): Promise<R | typeof GAVE_UP> {
  if (waitMs === null) return ask(signal);
  const over = new AbortController();
  const done = new AbortController();
  const asked = ask(AbortSignal.any([signal, over.signal]));
  const timer = clock.sleep(waitMs, AbortSignal.any([signal, done.signal]));
  const first = await Promise.race([asked, timer.then((): typeof GAVE_UP => GAVE_UP)]);
  done.abort();
  // When the caller has ended it, the request says how.
  if (first !== GAVE_UP || signal.aborted) return asked;
  over.abort(TIMED_OUT);
  asked.catch(() => {});
  return GAVE_UP;
}
