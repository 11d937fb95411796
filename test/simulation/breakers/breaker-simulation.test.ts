import { describe, expect, it } from "vitest";

import { neverHappened } from "../gate/gate-counts.ts";
import { breakerCampaign } from "./breaker-campaign.ts";
import { REAL_BREAKER_CORE } from "./breaker-core.ts";
import { PLANTED_BREAKER_FAULTS } from "./breaker-faults.ts";
import { liveBreakers } from "./breaker-world.ts";

/** Worlds of one test; `npm run bench -- gate-simulation` lives through ten thousand. */
const WORLDS = 100;

/**
 * Worlds that broke a guarantee once: probes that died with their isolates, failures told minutes after a recovery, an isolate
 * that went on probing alone when all others had closed.
 */
const ONCE_BROKEN = [2261, 2733, 3209, 8177, 8285, 8639];

/** Worlds in which a planted fault must have shown. */
const WORLDS_TO_FIND_IT = 200;

describe("breakers and the guard in simulated worlds", () => {
  it("keep every guarantee while upstreams fail, messages are lost, isolates die and the gate restarts", async () => {
    const tally = await breakerCampaign(REAL_BREAKER_CORE, 1, WORLDS);
    expect(tally.violations).toEqual([]);
    expect(neverHappened(tally.counts)).toEqual([]);
  });

  it.each(ONCE_BROKEN)("keep them where they once did not: seed %d", async (seed) => {
    expect((await liveBreakers(seed, REAL_BREAKER_CORE)).violations).toEqual([]);
  });

  it("are the same from the same seed", async () => {
    const once = await liveBreakers(7, REAL_BREAKER_CORE);
    expect(await liveBreakers(7, REAL_BREAKER_CORE)).toEqual(once);
  });

  it.each(PLANTED_BREAKER_FAULTS)("show the planted fault: $what", async ({ core, breaks }) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= WORLDS_TO_FIND_IT && !found.has(breaks); seed += 1) {
      const { violations } = await liveBreakers(seed, core);
      for (const { guarantee } of violations) found.add(guarantee);
    }
    expect([...found]).toContain(breaks);
  });
});
