/**
 * Whether a guess is worth a request. A right one saves what of the call fits into the time before the model asks for it; a wrong
 * one occupies a tool for nothing, at a price for each millisecond of it.
 *
 *   launch if p ≥ threshold and p · min(T, runway) > PRICE · (1 − p) · T
 *
 * Source: expected-value rule of "Speculative Actions" (arXiv 2510.04371) with the load as the cost.
 */

/** What a millisecond of a tool's time for nothing is worth, in milliseconds of a user's time. */
export const PRICE = 0.25;

/** One guess to be judged. Times in milliseconds. */
export interface Guess {
  readonly probability: number;
  readonly expectedMs: number;
  readonly runwayMs: number;
}

/** See above. */
export function isWorthIt(
  { probability, expectedMs, runwayMs }: Guess,
  threshold: number,
): boolean {
  const gainMs = probability * Math.min(expectedMs, runwayMs);
  return probability >= threshold && gainMs > PRICE * (1 - probability) * expectedMs;
}
