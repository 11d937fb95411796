/**
 * Outlier ejection: which target does so much worse than its siblings that it is left out for a while, and how it comes back.
 *
 * A target is an outlier after five failures in a row, or when its share of successes is below mean − 1.9 σ of the shares of
 * all targets, if at least five have been used enough to be compared. It stays out for 30 s times the number of times in a
 * row it was put out, at most 300 s, and then takes over ten seconds to be given its full weight again. Never more than half
 * of the targets are out, so never all of them. Source: Envoy, "Outlier detection" and "Slow start mode" (its cap is a
 * tenth, made for clusters larger than ours).
 */

/** Failures in a row that make an outlier. */
export const CONSECUTIVE_FAILURES = 5;

/** Targets that must have been used enough before they are compared. */
export const MIN_COMPARED = 5;

/** What "enough" is, in outcomes. */
export const MIN_OUTCOMES = 20;

/** How far below the mean an outlier is, in standard deviations. */
const DEVIATIONS = 1.9;

/** A difference in success that is too small to matter, however unlikely it is. */
const NOTICEABLE = 0.05;

/** Outcomes of one target lately. */
export interface TargetRecord {
  readonly succeeded: number;
  readonly failed: number;
}

/** True when `own` is an outlier among `all` (itself included). */
export function isOutlier(own: TargetRecord, all: readonly TargetRecord[]): boolean {
  if (own.succeeded + own.failed < MIN_OUTCOMES) return false;
  const shares = all
    .filter(({ succeeded, failed }) => succeeded + failed >= MIN_OUTCOMES)
    .map(shareOf);
  if (shares.length < MIN_COMPARED) return false;
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
  const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
  return shareOf(own) < mean - Math.max(NOTICEABLE, DEVIATIONS * Math.sqrt(variance));
}

function shareOf({ succeeded, failed }: TargetRecord): number {
  return succeeded / (succeeded + failed);
}

/** How many of `targets` may be out at once. */
export function mostEjected(targets: number): number {
  return Math.floor(targets / 2);
}

const EJECTION_MS = 30_000;
const MAX_EJECTION_MS = 300_000;

/** How long a target stays out the `times`-th time in a row (1 and up). */
export function ejectionMs(times: number): number {
  return Math.min(MAX_EJECTION_MS, EJECTION_MS * times);
}

/** Time a target takes from its return to its full weight. */
export const SLOW_START_MS = 10_000;
const LEAST_SHARE = 0.1;

/** What of its weight a target is given `sinceMs` after its return: a tenth at first, all of it after `SLOW_START_MS`. */
export function slowStart(sinceMs: number): number {
  return Math.min(1, Math.max(LEAST_SHARE, sinceMs / SLOW_START_MS));
}
