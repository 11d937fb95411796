/** `Retry-After` (RFC 9110 §10.2.3) as milliseconds. An upstream's wish is bounded, so it can never park a caller for good. */

/** Longest wait believed: one hour. */
export const MAX_RETRY_AFTER_MS = 3_600_000;

/**
 * Milliseconds until the upstream wants to be asked again, between 0 and `MAX_RETRY_AFTER_MS`; null when the header is
 * absent or neither a number of seconds nor a date.
 */
export function retryAfterMs(value: string | null, nowMs: number): number | null {
  const text = value?.trim() ?? "";
  // Some providers send fractions, which the RFC does not foresee.
  if (/^\d{1,12}(\.\d{1,6})?$/.test(text))
    return Math.min(Math.ceil(Number(text) * 1000), MAX_RETRY_AFTER_MS);
  // Only dates that name a weekday and a zone: `Date.parse` alone would take "-5" for a year.
  if (!/^[A-Za-z]{3,9},? .{1,40}$/.test(text)) return null;
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.min(Math.max(atMs - nowMs, 0), MAX_RETRY_AFTER_MS);
}
