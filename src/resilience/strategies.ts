/** The strategies of balancing: which of the candidates that may be asked is asked. Pure, and fair to equal ones by `random`. */

import { boundedHash } from "../algorithms/bounded-hash.ts";
import { leastCost } from "../algorithms/least-cost.ts";
import { softmaxWeights, weightedDraw } from "../algorithms/weighted-draw.ts";
import type { ChoiceReason, Strategy } from "../contract/balance.ts";

/** A target that may be asked, as it stands now. */
interface Standing {
  readonly target: { readonly id: string };
  /** Above 0. */
  readonly weight: number;
  readonly inFlight: number;
  /** Expected time × (in flight + 1) / weight, ms. */
  readonly costMs: number;
}

/** Index of the candidate that `strategy` takes, -1 of none, and why it is that one. `key` is what `bounded_hash` hashes. */
export function pickByStrategy(
  strategy: Strategy,
  candidates: readonly Standing[],
  key: string,
  random: () => number,
): readonly [number, ChoiceReason] {
  const weights = candidates.map(({ weight }) => weight);
  const costs = candidates.map(({ costMs }) => costMs);
  switch (strategy) {
    case "peak_ewma":
      return [leastCost(costs, weights, random()), "least_cost"];
    case "softmax":
      return [weightedDraw(softmaxWeights(costs, weights), random()), "drawn"];
    case "weighted":
      return [weightedDraw(weights, random()), "drawn"];
    case "least_request": {
      const loads = candidates.map(({ inFlight, weight }) => (inFlight + 1) / weight);
      return [leastCost(loads, weights, random()), "least_cost"];
    }
    case "bounded_hash": {
      const targets = candidates.map(({ target, weight, inFlight }) => ({
        id: target.id,
        weight,
        inFlight,
      }));
      return [boundedHash(key, targets), "hashed"];
    }
    case "priority":
      return [candidates.length === 0 ? -1 : 0, "first"];
  }
}
