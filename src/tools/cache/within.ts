/** Waits for something no longer than it is worth. */

/** The value, or null after `ms` or when `signal` aborts. Leaves no timer and no listener behind. */
export async function within<T>(
  ms: number,
  signal: AbortSignal,
  work: Promise<T>,
): Promise<T | null> {
  if (signal.aborted) return null;
  const { promise: ended, resolve } = Promise.withResolvers<null>();
  const end = () => resolve(null);
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work, ended]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
