/**
 * guard(): the one seam every outgoing call passes, and the only place that waits for one.
 *
 * The order of its layers is fixed, outermost first: deadline > retry > balance > breaker > concurrency > hedge > call.
 * Today only the deadline stands here; the others take their places inside it without callers noticing. The deadline is
 * a hard race: an attempt that ignores its signal is left behind, it does not hold up the caller. A failure of the
 * attempt is handed on untouched; an attempt that throws is a bug and is thrown on.
 */

import { type Result, fail } from "../platform/result.ts";

/** What the layers obey. */
export interface GuardPolicy {
  /** Wall time of the whole call, counted from now. */
  readonly timeoutMs: number;
}

/** Ends that the guard itself decides. `sent` is true once an attempt was started, since it may have reached the upstream. */
export type GuardFailure =
  | { readonly kind: "timeout"; readonly sent: true }
  | { readonly kind: "aborted"; readonly sent: boolean };

/** Arms one timer and returns what disarms it. */
export type StartTimer = (callback: () => void, delayMs: number) => () => void;

/**
 * Runs `attempt` until it settles, `policy.timeoutMs` has passed or `signal` aborts, whichever is first. The attempt's
 * own signal aborts in the last two cases. Nothing is left behind: neither a timer nor a listener on `signal`. So what
 * outlives a successful attempt, such as a stream, must watch the caller's signal itself:
 * `AbortSignal.any([attemptSignal, signal])`.
 */
export async function guard<T, F>(
  policy: GuardPolicy,
  signal: AbortSignal,
  attempt: (signal: AbortSignal) => Promise<Result<T, F>>,
  startTimer: StartTimer = platformTimer,
): Promise<Result<T, F | GuardFailure>> {
  if (signal.aborted) return fail({ kind: "aborted", sent: false });
  const controller = new AbortController();
  const { promise: ended, resolve: end } = Promise.withResolvers<Result<never, GuardFailure>>();
  const onAbort = () => {
    end(fail({ kind: "aborted", sent: true }));
    controller.abort();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  const stopTimer = startTimer(() => {
    end(fail({ kind: "timeout", sent: true }));
    controller.abort();
  }, policy.timeoutMs);
  try {
    const attempted = attempt(controller.signal);
    // Should the race be lost, the attempt still settles some day; its late failure belongs to nobody.
    attempted.catch(() => {});
    return await Promise.race([ended, attempted]);
  } finally {
    stopTimer();
    signal.removeEventListener("abort", onAbort);
  }
}

function platformTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
