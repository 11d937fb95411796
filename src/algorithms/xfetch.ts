/**
 * XFetch: whether to refresh a cached value a little before it expires, so that not everybody misses it at once.
 *
 * Refresh when now − Δ × β × ln(u) ≥ expiry, with u uniform in (0, 1] and Δ the time it takes to get the value. The closer
 * the expiry and the slower the source, the likelier; independent of how many ask, about one of them goes early. Source:
 * A. Vattani, F. Chierichetti, K. Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", PVLDB 8 (8), 2015, where
 * β = 1 is shown to be optimal.
 */

/** How eagerly: above 1 earlier, below 1 later. */
export const XFETCH_BETA = 1;

/** Whether a value that expires at `expiresAtMs` and takes `costMs` to get is refreshed now. `random` in [0, 1). */
export function refreshesEarly(
  nowMs: number,
  expiresAtMs: number,
  costMs: number,
  random: number,
): boolean {
  // 1 − random is never 0, whose logarithm has no value.
  return nowMs - costMs * XFETCH_BETA * Math.log(1 - random) >= expiresAtMs;
}
