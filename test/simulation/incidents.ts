/** What happens to a run from outside, each at a step: between any two things that happen by themselves. */

import type { Dice } from "./dice.ts";

/** One incident at a step, counted from the run's beginning over all its lives. */
export type Incident = { readonly step: number } & (
  | { readonly kind: "crash"; readonly downMs: number }
  | { readonly kind: "cancel run" }
  | { readonly kind: "cancel call"; readonly call: string }
  | { readonly kind: "cancel branch"; readonly branch: string }
  | { readonly kind: "reset branch"; readonly branch: string }
);

/** Steps a run may take before something happens to it: some beyond its end. */
const STEPS_A_CALL = 7;

/** Draws what happens to a run of `calls` with `branches`, in order. */
export function drawIncidents(
  dice: Dice,
  calls: readonly string[],
  branches: readonly string[],
): readonly Incident[] {
  const steps = 8 + STEPS_A_CALL * calls.length;
  const step = (): number => dice.int(0, steps);
  const incidents: Incident[] = [];
  const crashes = dice.pick([0, 0, 1, 1, 2, 3]);
  for (let n = 0; n < crashes; n += 1)
    incidents.push({ step: step(), kind: "crash", downMs: dice.pick([0, 3, 50, 1_000]) });
  if (dice.chance(0.15)) incidents.push({ step: step(), kind: "cancel run" });
  for (const call of calls)
    if (dice.chance(0.04)) incidents.push({ step: step(), kind: "cancel call", call });
  for (const branch of branches) {
    if (!dice.chance(0.3)) continue;
    const cancelStep = step();
    incidents.push({ step: cancelStep, kind: "cancel branch", branch });
    if (dice.chance(0.5))
      incidents.push({ step: cancelStep + dice.int(0, 9), kind: "reset branch", branch });
  }
  return incidents.toSorted((a, b) => a.step - b.step);
}
