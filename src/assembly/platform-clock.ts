/** The clock of runs in a Worker: the wall clock and its timers. */

import type { Clock } from "../orchestration/ports.ts";

/** The platform's clock. Timers are cleared as soon as they are not needed. */
export const PLATFORM_CLOCK: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
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
};
