/**
 * Stop: the one moment at which a run has to end before it is done, by its deadline or because its caller gave up.
 *
 * Both arrive in one place, so every wait of a run ends for either and the run can say which it was. The first reason
 * stays. `race` exists because a port may ignore its signal: nothing a run waits for can hold it beyond the stop. It
 * races against a promise of its own, because reactions on a promise that lives as long as the run would pile up there,
 * one for each of thousands of chunks.
 */

import { Abort } from "../platform/abort.ts";
import { startTimer } from "../platform/clock.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import type { Clock } from "./ports.ts";

/** Why a run has to end. */
export type StopReason = "deadline" | "cancelled";

/** A run's end that may come from outside. Call `release` when the run has ended, however it did. */
export interface Stop {
  /** Aborts at the stop, and at the release, so that nothing outlives the run. */
  readonly signal: AbortSignal;
  /** Null while the run may go on. Reads the clock, so a late timer never lets work start after the deadline. */
  reason(): StopReason | null;
  /** Calls `listener` once at the stop, at once when it has come already. */
  onStop(listener: (reason: StopReason) => void): void;
  /** What `work` resolves to, or the stop if that comes first; a rejection passes through. */
  race<T>(work: Promise<T>): Promise<Result<T, StopReason>>;
  /** Leaves no timer and no listener. */
  release(): void;
}

/** Watches the clock until `deadlineAtMs` and `signal` until it aborts. */
export function createStop(clock: Clock, deadlineAtMs: number, signal: AbortSignal): Stop {
  const controller = new Abort();
  let disarm: (() => void) | null = null;
  const listeners = new Set<(reason: StopReason) => void>();
  let stopped: StopReason | null = null;

  function stop(reason: StopReason): void {
    stopped = reason;
    release();
    for (const listener of listeners) listener(reason);
    listeners.clear();
  }

  function cancel(): void {
    stop("cancelled");
  }

  function release(): void {
    disarm?.();
    signal.removeEventListener("abort", cancel);
    controller.abort();
  }

  if (signal.aborted) cancel();
  else {
    signal.addEventListener("abort", cancel);
    disarm = startTimer(clock, Math.max(0, deadlineAtMs - clock.now()), () => stop("deadline"));
  }

  return {
    signal: controller.signal,
    reason() {
      if (stopped === null && clock.now() >= deadlineAtMs) stop("deadline");
      return stopped;
    },
    onStop(listener) {
      if (stopped === null) listeners.add(listener);
      else listener(stopped);
    },
    async race(work) {
      const { promise: left, resolve: leave } = Promise.withResolvers<Result<never, StopReason>>();
      const listener = (reason: StopReason): void => leave(fail(reason));
      if (stopped === null) listeners.add(listener);
      else listener(stopped);
      try {
        return await Promise.race([work.then(ok), left]);
      } finally {
        listeners.delete(listener);
      }
    },
    release,
  };
}
