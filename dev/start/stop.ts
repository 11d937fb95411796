/** When `npm start` should end: Ctrl-C, SIGTERM, a closed terminal, or npm gone without a word. */

import { readFileSync } from "node:fs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** How often the parent is looked at. */
const PARENT_CHECK_MS = 1_000;

/**
 * Listens for the end. Until `takeOver` a signal ends the process at once (nothing worth closing runs yet); afterwards the
 * first one resolves `promise`, so that everything is closed in order, and a second one ends at once.
 */
export function stopRequested(): { readonly promise: Promise<void>; takeOver(): void } {
  let isRunning = false;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const onSignal = (): void => {
    if (!isRunning) process.exit(130);
    isRunning = false;
    resolve(undefined);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  watchParent(onSignal);
  return {
    promise,
    takeOver() {
      isRunning = true;
      for (const signal of SIGNALS) {
        // The runtime's own listeners would end the process before the servers are closed.
        process.removeAllListeners(signal);
        process.on(signal, onSignal);
      }
    },
  };
}

/**
 * Under npm there are two above this process: npm and the shell it starts. Killed, neither passes the signal on; what is
 * left shows by another parent, here or one step above.
 */
function watchParent(onGone: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const before = lineage();
  const timer = setInterval(() => {
    if (lineage() === before) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS);
  timer.unref();
}

/** Parent and, where the system tells it as a file, grandparent. */
function lineage(): string {
  const parent = process.ppid;
  try {
    const fields = readFileSync(`/proc/${parent}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return `${parent} ${fields?.[1] ?? ""}`;
  } catch {
    return String(parent);
  }
}
