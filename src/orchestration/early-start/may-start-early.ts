/** Which calls may be started while the model is still writing its turn. */

import { EFFECT_RULES } from "../../contract/effect-rules.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";

/**
 * Only what reads, needs nobody's word and waits for no other call. What the outside world can observe waits for a
 * strong signal: a start that is taken back has told somebody what the user was about to ask.
 */
export function mayStartEarly(call: PlannedCall, isStrong: boolean): boolean {
  const isReading = EFFECT_RULES[call.effect].mayStartEarly;
  const isWhole = call.references === undefined && (call.needs ?? []).length === 0;
  const isAlone = isWhole && call.approval === undefined && call.isCounted !== true;
  return isReading && isAlone && (isStrong || call.observable !== true);
}
