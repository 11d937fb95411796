/**
 * Failure patterns: which of four known shapes the failures of an upstream have, if any.
 *
 * cascading: others failed within the same half minute, so the cause lies behind them all. exhaustion: at least as many
 * answers asked to come back later as failed. timeout_spiral: at least half of the failures had no answer in time.
 * intermittent: it failed and recovered three times within a quarter of an hour. The first that fits is told, in this
 * order, because a cause shared with others explains what each of them shows. Thresholds are ours, tried on planted
 * patterns (`bench faults`).
 */

/** What is known of an upstream that has failed. */
export interface FailureEvidence {
  /** When it failed, epoch ms, in order. */
  readonly failuresMs: readonly number[];
  /** When other upstreams of the same tenant failed last, epoch ms. */
  readonly othersMs: readonly number[];
  /** Counts since shortly before the last failure. */
  readonly bad: number;
  readonly timedOut: number;
  readonly limited: number;
}

/** Failures this close together may have one cause. */
const TOGETHER_MS = 30_000;
/** Others that must fail with it. */
const TOGETHER = 2;

/** Failures within this time are a series. */
const SERIES_MS = 900_000;
const SERIES = 3;

/** See above; null when none fits. */
export function failurePattern(
  evidence: FailureEvidence,
): "cascading" | "exhaustion" | "timeout_spiral" | "intermittent" | null {
  const { failuresMs, othersMs, bad, timedOut, limited } = evidence;
  const last = failuresMs.at(-1);
  if (last === undefined) return null;
  const together = othersMs.filter((atMs) => Math.abs(atMs - last) <= TOGETHER_MS).length;
  if (together >= TOGETHER) return "cascading";
  if (limited > 0 && limited >= bad) return "exhaustion";
  if (timedOut > 0 && timedOut * 2 >= bad) return "timeout_spiral";
  const series = failuresMs.filter((atMs) => last - atMs <= SERIES_MS).length;
  return series >= SERIES ? "intermittent" : null;
}
