import { describe, expect, it } from "vitest";

import { gateCampaign } from "./gate-campaign.ts";
import { REAL_GATE_CORE } from "./gate-core.ts";
import { neverHappened } from "./gate-counts.ts";
import { PLANTED_GATE_FAULTS } from "./gate-faults.ts";
import { liveGate } from "./gate-world.ts";

/** Worlds of one test; `npm run bench -- gate-simulation` lives through ten thousand. */
const WORLDS = 100;

/** Worlds in which a planted fault must have shown. */
const WORLDS_TO_FIND_IT = 200;

describe("a tenant's limits in simulated worlds", () => {
  it("keep every guarantee while messages are lost, isolates die, the gate restarts and clocks are wrong", () => {
    const tally = gateCampaign(REAL_GATE_CORE, 1, WORLDS);
    expect(tally.violations).toEqual([]);
    expect(neverHappened(tally.counts)).toEqual([]);
  });

  it("are the same from the same seed", () => {
    expect(liveGate(7, REAL_GATE_CORE)).toEqual(liveGate(7, REAL_GATE_CORE));
  });

  it.each(PLANTED_GATE_FAULTS)("show the planted fault: $what", ({ core, breaks }) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= WORLDS_TO_FIND_IT && !found.has(breaks); seed += 1) {
      for (const { guarantee } of liveGate(seed, core).violations) found.add(guarantee);
    }
    expect([...found]).toContain(breaks);
  });
});
