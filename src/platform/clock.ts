/** The platform's clock, as a run takes it. */

import { Abort } from "./abort.ts";

/** A clock: the platform's, or one that a test moves. */
export interface Clock {
  now(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Calls back after `ms` unless the answer is called before. Absent: `startTimer` makes it of `sleep`. */
  timer?(ms: number, callback: () => void): () => void;
}

/** Calls back after `ms`; the answer disarms it, and may be called at any time. */
export function startTimer(clock: Clock, ms: number, callback: () => void): () => void {
  if (clock.timer !== undefined) return clock.timer(ms, callback);
  const stopped = new Abort();
  // Not awaited: it ends with the answer's call, and a clock never rejects.
  void callLater(clock, ms, stopped.signal, callback);
  return () => stopped.abort();
}

async function callLater(
  clock: Clock,
  ms: number,
  stopped: AbortSignal,
  callback: () => void,
): Promise<void> {
  await clock.sleep(ms, stopped);
  if (!stopped.aborted) callback();
}

/** Milliseconds since 1970, and timers that are cleared as soon as they are not needed. */
export const PLATFORM_CLOCK: Clock = {
  now: (): number => Date.now(),
  /** Resolves after `ms`, or at once when `signal` aborts. Never rejects. */
  sleep: (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      signal.addEventListener("abort", wake, { once: true });
    }),
  /** A sleep with a signal of its own costs several times as much. */
  timer: (ms: number, callback: () => void): (() => void) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};
