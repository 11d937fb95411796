/** Many worlds of limits one after the other, and what they came to. */

import { addCounts, type GateCounts, newGateCounts } from "./gate-counts.ts";
import type { GateCore } from "./gate-core.ts";
import { liveGate } from "./gate-world.ts";

/** What a campaign saw. */
export interface GateTally {
  readonly worlds: number;
  readonly counts: GateCounts;
  /** `seed <seed>: <guarantee>: <what>`. */
  readonly violations: readonly string[];
}

/** Lives through `worlds` seeds from `first` on. */
export function gateCampaign(core: GateCore, first: number, worlds: number): GateTally {
  const counts = newGateCounts();
  const violations: string[] = [];
  for (let seed = first; seed < first + worlds; seed += 1) {
    const report = liveGate(seed, core);
    addCounts(counts, report.counts);
    for (const { guarantee, what } of report.violations)
      violations.push(`seed ${seed}: ${guarantee}: ${what}`);
  }
  return { worlds, counts, violations };
}
