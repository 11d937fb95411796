/** When `npm start` should end: Ctrl-C, SIGTERM, a closed terminal, or npm gone without a word. */

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
  return {
    promise,
    takeOver() {
      isRunning = true;
      for (const signal of SIGNALS) {
        // The runtime's own listeners would end the process before the servers are closed.
        process.removeAllListeners(signal);
        process.on(signal, onSignal);
      }
      watchParent(onSignal);
    },
  };
}

/** npm killed with SIGKILL cannot pass the signal on; its child then gets another parent. */
function watchParent(onGone: () => void): void {
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS);
  timer.unref();
}
