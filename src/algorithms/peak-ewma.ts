/**
 * Peak EWMA: how long a target takes, judged by its worst lately.
 *
 * A longer time replaces the mean at once, a shorter one pulls it down with weight 1 − e^(−Δt / τ): a target that turns slow
 * is left after one answer and trusted again over τ. Source: Twitter Finagle, `PeakEwma`; W. Morgan, "Beyond round robin:
 * load balancing for latency", Linkerd, 2016. What nobody measured any more says less and less: away from its own time the
 * estimate decays to a prior with the same τ, so a target that was slow or down is tried again by itself.
 */

/** τ: after it a time weighs e⁻¹ of what it did. */
export const DECAY_MS = 10_000;

/** What was measured of one target. Plain data. */
export interface PeakEwma {
  readonly ms: number;
  /** When the last time was added. */
  readonly atMs: number;
}

/** The estimate after one more answer took `tookMs` (at least 0), at `nowMs`. */
export function observePeak(before: PeakEwma | null, tookMs: number, nowMs: number): PeakEwma {
  if (before === null || tookMs >= before.ms) return { ms: tookMs, atMs: nowMs };
  const keep = Math.exp(-Math.max(0, nowMs - before.atMs) / DECAY_MS);
  return { ms: before.ms * keep + tookMs * (1 - keep), atMs: Math.max(nowMs, before.atMs) };
}

/** What to expect at `nowMs`: what was measured, as far as it is fresh, and `priorMs` for the rest. */
export function expectedMs(measured: PeakEwma | null, priorMs: number, nowMs: number): number {
  if (measured === null) return priorMs;
  const keep = Math.exp(-Math.max(0, nowMs - measured.atMs) / DECAY_MS);
  return priorMs + (measured.ms - priorMs) * keep;
}

/** What several observers measured of one target, as one: their mean, each counting as much as it is fresh. Null of none. */
export function mergePeaks(peaks: readonly PeakEwma[], nowMs: number): PeakEwma | null {
  let total = 0;
  let weights = 0;
  let latestMs = -Infinity;
  for (const { ms, atMs } of peaks) {
    const weight = Math.exp(-Math.max(0, nowMs - atMs) / DECAY_MS);
    total += ms * weight;
    weights += weight;
    latestMs = Math.max(latestMs, atMs);
  }
  return weights > 0 ? { ms: total / weights, atMs: latestMs } : null;
}
