/**
 * Draws one of several by weight: index i with probability wᵢ / Σw (inverse transform sampling).
 *
 * `softmaxWeights` makes the weights of a softmax choice of them: wᵢ e^(−(cᵢ − min c) / T). With a low temperature T the
 * cheapest is nearly always drawn, with a high one the costs hardly matter. Source: R. D. Luce, "Individual Choice Behavior", 1959; R. S. Sutton,
 * A. G. Barto, "Reinforcement Learning", §2.8.
 */

/** The index drawn by `u` (0 ≤ u < 1). Weights at least 0; with none above 0 all count alike. -1 when there are none. */
export function weightedDraw(weights: readonly number[], u: number): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  if (!(total > 0)) return weights.length === 0 ? -1 : Math.floor(u * weights.length);
  let left = u * total;
  let last = -1;
  for (const [index, weight] of weights.entries()) {
    if (weight <= 0) continue;
    last = index;
    left -= weight;
    if (left < 0) break;
  }
  return last;
}

/** Temperature of a softmax choice, as a share of the mean cost. */
export const TEMPERATURE = 0.25;

/** Weights of a softmax choice between `costs` (at least 0), each counting `weights` times; T is `TEMPERATURE` × mean cost. */
export function softmaxWeights(costs: readonly number[], weights: readonly number[]): number[] {
  const least = Math.min(...costs);
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
  const temperature = Math.max(Number.MIN_VALUE, mean * TEMPERATURE);
  return costs.map((cost, index) => (weights[index] ?? 1) * Math.exp((least - cost) / temperature));
}
