/**
 * Effects from the weakest to the strongest. A chain's own effect is a ceiling: what it declares (`write` when it says
 * nothing) is what early start, retries and caches may rely on, so no step may do more.
 */

import type { Effect } from "../../contract/tool.ts";

const STRENGTH: Readonly<Record<Effect, number>> = {
  pure: 0,
  read: 1,
  idempotent_write: 2,
  write: 3,
};

/** True when `effect` may do more to the world than `ceiling`. */
export function effectExceeds(effect: Effect, ceiling: Effect): boolean {
  return STRENGTH[effect] > STRENGTH[ceiling];
}
