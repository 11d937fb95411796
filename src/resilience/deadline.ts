/**
 * The deadline: the outermost layer of every guarded call, and the only one of a look-up that is asked once.
 *
 * It is a hard race: a call that ignores its signal is left behind, it does not hold up the caller. The signal's reason
 * says who ended it, so that an upstream that was too slow is charged and one whose caller left is not.
 */

import { Abort } from "../platform/abort.ts";
import { type Clock, startTimer } from "../platform/clock.ts";
import { type Result, fail } from "../platform/result.ts";

/** Ends that the deadline decides. `sent` is false only when nothing can have reached the upstream. */
export type DeadlineFailure =
  | { readonly kind: "timeout"; readonly sent: boolean }
  | { readonly kind: "aborted"; readonly sent: boolean };

/** Reason of the abort when time is over. */
export const TIMED_OUT = new Error("The call's time is over.");

/** Reason of the abort when the caller has left. */
const CALLER_LEFT = new Error("The caller has left.");

/**
 * Runs `call` until it settles, `timeoutMs` has passed or `signal` aborts, whichever is first. The call's own signal
 * aborts in the last two cases. Nothing is left behind: neither a timer nor a listener on `signal`. So what outlives a
 * successful call, such as a stream, must watch the caller's signal itself. A call that throws is a bug and is thrown on.
 */
export async function withDeadline<T, F>(
  { clock, timeoutMs, mayBeSent }: DeadlineRules,
  signal: AbortSignal,
  call: (signal: AbortSignal) => Promise<Result<T, F>>,
): Promise<Result<T, F | DeadlineFailure>> {
  if (signal.aborted) return fail({ kind: "aborted", sent: false });
  const controller = new Abort();
  const { promise: ended, resolve: end } = Promise.withResolvers<Result<never, DeadlineFailure>>();
  const onAbort = () => {
    end(fail({ kind: "aborted", sent: mayBeSent() }));
    controller.abort(CALLER_LEFT);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  const disarm = startTimer(clock, timeoutMs, () => {
    end(fail({ kind: "timeout", sent: mayBeSent() }));
    controller.abort(TIMED_OUT);
  });
  try {
    const called = call(controller.signal);
    // Should the race be lost, the call still settles some day; its late failure belongs to nobody.
    called.catch(() => {});
    return await Promise.race([ended, called]);
  } finally {
    disarm();
    signal.removeEventListener("abort", onAbort);
  }
}

/** What the deadline obeys. */
export interface DeadlineRules {
  readonly clock: Clock;
  /** Wall time of the whole call, counted from now. */
  readonly timeoutMs: number;
  /** Whether anything of the call may have reached the upstream by now. */
  readonly mayBeSent: () => boolean;
}
