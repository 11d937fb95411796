/**
 * Picks the least cost, and draws by weight among those that are as good: costs within `BAND` of the least.
 *
 * Costs are estimates. Many who choose by the same estimates would all choose the same target, and the next moment all the
 * next one (herding); as long as a difference is smaller than what the estimate is worth, chance spreads them. Source of the
 * problem: M. Mitzenmacher, "How useful is old information?", IEEE TPDS 11 (1), 2000.
 */

import { weightedDraw } from "./weighted-draw.ts";

/** Costs up to this share above the least are as good as the least. */
export const BAND = 0.2;

/** Index of a least cost (each at least 0), `u` (0 ≤ u < 1) drawing among equals by `weights`; -1 when there are none. */
export function leastCost(costs: readonly number[], weights: readonly number[], u: number): number {
  const limit = Math.min(...costs) * (1 + BAND);
  return weightedDraw(
    costs.map((cost, index) => (cost <= limit ? (weights[index] ?? 1) : 0)),
    u,
  );
}
