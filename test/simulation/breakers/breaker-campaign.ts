/** Many worlds of breakers one after the other, and what they came to. */

import { addCounts } from "../gate/gate-counts.ts";
import type { BreakerCore } from "./breaker-core.ts";
import { type BreakerCounts, newBreakerCounts } from "./breaker-counts.ts";
import { liveBreakers } from "./breaker-world.ts";

/** What a campaign saw. */
export interface BreakerTally {
  readonly worlds: number;
  readonly counts: BreakerCounts;
  /** `seed <seed>: <guarantee>: <what>`. */
  readonly violations: readonly string[];
}

/** Lives through `worlds` seeds from `first` on. */
export async function breakerCampaign(
  core: BreakerCore,
  first: number,
  worlds: number,
): Promise<BreakerTally> {
  const counts = newBreakerCounts();
  const violations: string[] = [];
  for (let seed = first; seed < first + worlds; seed += 1) {
    const report = await liveBreakers(seed, core);
    addCounts(counts, report.counts);
    for (const { guarantee, what } of report.violations)
      violations.push(`seed ${seed}: ${guarantee}: ${what}`);
  }
  return { worlds, counts, violations };
}
