import { describe, expect, it } from "vitest";

import { campaign } from "./campaign.ts";
import { REAL_CORE } from "./core.ts";
import { PLANTED_FAULTS } from "./planted-faults.ts";
import { simulate } from "./simulate.ts";

/** Worlds of one test; `npm run bench -- simulation` lives through ten thousand. */
const WORLDS = 100;

/** Worlds in which a planted fault must have shown. */
const WORLDS_TO_FIND_IT = 300;

describe("the run core in simulated worlds", () => {
  it("keeps every guarantee under losses, failures, crashes and cancels", async () => {
    const tally = await campaign(REAL_CORE, 1, WORLDS);
    expect(tally.violations).toEqual([]);
    expect(tally).toMatchObject({ worlds: WORLDS });
    expect(Math.min(tally.crashes, tally.cancels, tally.faults.lost)).toBeGreaterThan(0);
  });

  it("keeps them when it crashes or is cancelled at every single step", async () => {
    const tally = await campaign(REAL_CORE, 1, 0, 4);
    expect(tally.violations).toEqual([]);
    expect(tally.sweptSteps).toBeGreaterThan(50);
  });

  it("is the same from the same seed", async () => {
    expect(await simulate(7, REAL_CORE)).toEqual(await simulate(7, REAL_CORE));
    expect(await simulate(5, REAL_CORE)).toEqual(await simulate(5, REAL_CORE));
  });

  it.each(PLANTED_FAULTS)("sees the planted fault: $what", async ({ core, breaks }) => {
    const found = new Set<string>();
    for (let seed = 0; seed < WORLDS_TO_FIND_IT && !found.has(breaks); seed += 1) {
      const { violations } = await simulate(seed, core);
      for (const { guarantee } of violations) found.add(guarantee);
    }
    expect([...found]).toContain(breaks);
  });
});
