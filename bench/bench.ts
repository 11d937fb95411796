/** What every benchmark is: a name, a seed and a function from options to rows. */

import type { BenchRow } from "./report.ts";

/** How much work a run does. */
export interface BenchOptions {
  /** About one per cent of the work, to see that everything runs; timing bars are then printed but not judged. */
  readonly smoke: boolean;
  readonly seed: number;
}

/** A benchmark. It starts what it needs and leaves nothing running, also when it throws. */
export interface Bench {
  readonly name: string;
  readonly seed: number;
  readonly run: (options: BenchOptions) => Promise<readonly BenchRow[]>;
}

/** Now, in milliseconds of the epoch with fractions, on the monotonic clock the local servers use too. */
export function epochMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** Resolves once `condition` holds, asked every `everyMs`; false when it does not hold in time. */
export async function until(
  condition: () => boolean,
  timeoutMs: number,
  everyMs = 1,
): Promise<boolean> {
  const giveUpAt = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > giveUpAt) return false;
    await pause(everyMs);
  }
  return true;
}

/** Runs `count` jobs, at most `width` at once; a job that throws ends everything. */
export async function inParallel(
  count: number,
  width: number,
  job: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await job(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, worker));
}
