/**
 * What may be done with a call, by what it does to the world. The one table: early start, speculation, sharing, caching and
 * sending again all ask here, so a new effect or a changed mind changes one line.
 */

import type { Effect } from "./tool.ts";

/** Effects from the weakest to the strongest. */
const STRENGTH: Readonly<Record<Effect, number>> = {
  pure: 0,
  read: 1,
  idempotent_write: 2,
  write: 3,
};

/**
 * True when `effect` may do more to the world than `ceiling`: what a chain or a tool declares is what early start, retries
 * and caches rely on, so nothing that stands for it may do more.
 */
export function effectExceeds(effect: Effect, ceiling: Effect): boolean {
  return STRENGTH[effect] > STRENGTH[ceiling];
}

/** What an effect allows. */
export interface EffectRules {
  /** Before the model's turn is complete, or on a guess. */
  readonly mayStartEarly: boolean;
  /** One request may answer identical calls; a success may be kept. */
  readonly mayShare: boolean;
  /** Again after it was sent and its answer lost; an idempotent write under the same key. */
  readonly mayRepeat: boolean;
}

const READING: EffectRules = { mayStartEarly: true, mayShare: true, mayRepeat: true };

/** See above. */
export const EFFECT_RULES: Readonly<Record<Effect, EffectRules>> = {
  pure: READING,
  read: READING,
  idempotent_write: { mayStartEarly: false, mayShare: false, mayRepeat: true },
  write: { mayStartEarly: false, mayShare: false, mayRepeat: false },
};
