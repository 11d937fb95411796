/** Giving up a request early, so that another one can follow before the deadline. */

import type { Verdict } from "../contract/upstream-session.ts";
import { Abort } from "../platform/abort.ts";
import { type Clock, startTimer } from "../platform/clock.ts";
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
  const over = new Abort();
  // When the caller has ended it, the request says how.
  const onAbort = (): void => over.abort(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const { promise: late, resolve } = Promise.withResolvers<typeof GAVE_UP>();
  const disarm = startTimer(clock, waitMs, () => resolve(GAVE_UP));
  try {
    const asked = ask(over.signal);
    const first = await Promise.race([asked, late]);
    if (first === GAVE_UP) {
      over.abort(TIMED_OUT);
      asked.catch(() => {});
    }
    return first;
  } finally {
    disarm();
    signal.removeEventListener("abort", onAbort);
  }
}
