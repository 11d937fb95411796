import { describe, expect, it } from "vitest";

import { gateCampaign } from "./gate-campaign.ts";
import { REAL_GATE_CORE } from "./gate-core.ts";
import { neverHappened } from "./gate-counts.ts";
import { PLANTED_GATE_FAULTS } from "./gate-faults.ts";
import { ShareRecord } from "./gate-rules.ts";
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

  it("wait for lent permits as long as the gate may count them", () => {
    // Isolates died with permits, and the gate restarted after: it counts by rows, which last longest.
    for (const seed of [180, 4188, 9996])
      expect(liveGate(seed, REAL_GATE_CORE).violations, `seed ${seed}`).toEqual([]);
  });

  it("hold credit to the share it was taken under, whatever comes after", () => {
    // A clock jumps under one share, and the next share is smaller.
    expect(liveGate(6111, REAL_GATE_CORE).violations).toEqual([]);
  });

  it("that are cut short say nothing of an end they did not come to", () => {
    const unshared = PLANTED_GATE_FAULTS.find(({ what }) => what === "credit without a share");
    const broken = new Set<string>();
    for (let seed = 1; seed <= 10; seed += 1) {
      const { violations } = liveGate(seed, unshared?.core ?? REAL_GATE_CORE);
      for (const { guarantee } of violations) broken.add(guarantee);
    }
    expect([...broken]).toEqual(["credit stays within the share of the last lease"]);
  });

  it.each(PLANTED_GATE_FAULTS)("show the planted fault: $what", ({ core, breaks }) => {
    const found = new Set<string>();
    for (let seed = 1; seed <= WORLDS_TO_FIND_IT && !found.has(breaks); seed += 1) {
      for (const { guarantee } of liveGate(seed, core).violations) found.add(guarantee);
    }
    expect([...found]).toContain(breaks);
  });
});

describe("credit, as the witness counts it", () => {
  it("is what the last lease gives from then on, and nothing without a lease", () => {
    expect(new ShareRecord().take(1, 0, 1000)).not.toBeNull();
    const share = new ShareRecord();
    share.lease(10, 1000, 0, 0);
    expect(share.take(10, 0, 999)).toBeNull();
    expect(share.take(1, 0, 1050)).not.toBeNull();
  });

  it("that was not taken is gone with its lease", () => {
    const share = new ShareRecord();
    share.lease(10, 1000, 0, 0);
    share.lease(10, 1000, 0, 10_000);
    expect(share.take(1, 0, 10_050)).not.toBeNull();
  });

  it("comes with a jump of the clock at the rate under which it jumped, not at a later one", () => {
    const share = new ShareRecord();
    share.lease(10, 1000, 0, 0);
    expect(share.take(10, 900, 99)).toBeNull();
    share.lease(1, 1000, 900, 100);
    expect(share.take(1, 900, 1099)).toBeNull();
    expect(share.take(1, 900, 1100)).not.toBeNull();
  });
});
