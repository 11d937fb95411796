/**
 * How much comes per millisecond, with the past fading: every amount weighs e^(−age/τ), and their sum over τ is the rate.
 *
 * Source: exponential smoothing for unevenly spaced events (Wright, "Forecasting data published at irregular time
 * intervals", Management Science 32(4), 1986). A clock that goes back counts as one that stands still.
 */

/** What came so far, faded to `atMs`. */
export interface DecayingRate {
  readonly sum: number;
  readonly atMs: number;
}

/** Nothing came yet. */
export const NO_RATE: DecayingRate = { sum: 0, atMs: 0 };

/** The rate after `amount` more came at `nowMs`. */
export function addToRate(
  rate: DecayingRate,
  amount: number,
  nowMs: number,
  tauMs: number,
): DecayingRate {
  return { sum: faded(rate, nowMs, tauMs) + amount, atMs: Math.max(rate.atMs, nowMs) };
}

/** Amount per millisecond at `nowMs`. */
export function ratePerMs(rate: DecayingRate, nowMs: number, tauMs: number): number {
  return faded(rate, nowMs, tauMs) / tauMs;
}

function faded({ sum, atMs }: DecayingRate, nowMs: number, tauMs: number): number {
  return nowMs > atMs ? sum * Math.exp((atMs - nowMs) / tauMs) : sum;
}
