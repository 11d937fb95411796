import { describe, expect, it } from "vitest";

import { MAX_LEASE_MS, MIN_LEASE_MS } from "../../../src/algorithms/lease-size.ts";
import {
  liveLeases,
  NO_FAULTS,
  windowBound,
  type LeaseFaults,
  type LeaseWorldPlan,
} from "./lease-world.ts";

const QUIET: LeaseWorldPlan = {
  seed: 1,
  limit: { limit: 1000, window_s: 10, burst: 100 },
  isolates: 5,
  load: 1,
  durationMs: 20_000,
  roundTripMs: 10,
  faults: NO_FAULTS,
};

const STORM: LeaseFaults = {
  lostShare: 0.05,
  repeatedShare: 0.05,
  delayMs: 300,
  deathsPerS: 0.5,
  crashesPerS: 0.3,
  skewMs: 5000,
};

/** Worlds of every size of limit, fleet and load, in order of their seed. */
function anyPlan(seed: number, faults: LeaseFaults): LeaseWorldPlan {
  const limit = [10, 100, 1000, 5000][seed % 4] ?? 10;
  const window_s = [1, 10, 60][seed % 3] ?? 1;
  const burst = Math.max(1, Math.round(limit / ([1, 4, 10, 20][(seed >> 2) % 4] ?? 1)));
  return {
    seed,
    limit: { limit, window_s, burst },
    isolates: [1, 3, 5, 20][(seed >> 1) % 4] ?? 1,
    load: [0.5, 0.9, 1.5, 3][(seed >> 3) % 4] ?? 1,
    durationMs: 6000,
    roundTripMs: 20,
    cost: Math.min(burst, [1, 1, 7][seed % 3] ?? 1),
    runs: { max: [5, 40, 400][(seed >> 1) % 3] ?? 5, lastMs: [10, 200, 1500][seed % 3] ?? 10 },
    faults,
  };
}

describe("leases in a quiet world", () => {
  it.each([1, 3, 5, 20])(
    "admit all that a limit allows with %i isolates, and never more",
    (isolates) => {
      for (const load of [0.9, 1.5, 2]) {
        const tally = liveLeases({ ...QUIET, isolates, load });
        expect(tally.overAdmitted, `load ${load}`).toBe(0);
        expect(tally.worstWindow).toBeLessThanOrEqual(windowBound(QUIET.limit, MIN_LEASE_MS));
        expect(tally.utilisation, `load ${load}`).toBeGreaterThan(0.95);
      }
    },
  );

  it("let hardly any request wait for the gate", () => {
    const limit = { limit: 12_000, window_s: 10, burst: 2000 };
    const tally = liveLeases({ ...QUIET, limit, load: 0.83 });
    expect(tally.requests / tally.waited).toBeGreaterThan(20);
    const twice = liveLeases({ ...QUIET, limit: { ...limit, limit: 5000 }, load: 2 });
    expect(twice.requests / twice.waited).toBeGreaterThan(10);
  });

  it("lend most of a concurrency limit ahead of need, and never more than there is", () => {
    const limit = { limit: 1_000_000, window_s: 1 };
    const plan = {
      ...QUIET,
      limit,
      load: 0.0005,
      durationMs: 5000,
      runs: { max: 200, lastMs: 300 },
    };
    const calm = liveLeases({ ...plan, runs: { max: 400, lastMs: 300 } });
    expect(calm.requests / calm.waited).toBeGreaterThan(10);
    expect(calm.admitted).toBe(calm.offered);
    const full = liveLeases({ ...plan, load: 0.002 });
    expect(full.mostRunning).toBeLessThanOrEqual(200);
    expect(full.mostRunning).toBeGreaterThan(190);
  });
});

describe("leases in a world of lost, late and repeated messages, deaths, crashes and wrong clocks", () => {
  it("never admit more than burst + rate × elapsed, nor more in any window, nor run more at once", () => {
    const seen = { deaths: 0, crashes: 0, lost: 0, repeated: 0, admitted: 0, waited: 0 };
    for (let seed = 1; seed <= 60; seed += 1) {
      const plan = anyPlan(seed, STORM);
      const tally = liveLeases(plan);
      expect(tally.overAdmitted, `seed ${seed}`).toBe(0);
      expect(tally.worstWindow, `seed ${seed}`).toBeLessThanOrEqual(
        windowBound(plan.limit, MAX_LEASE_MS),
      );
      expect(tally.mostRunning, `seed ${seed}`).toBeLessThanOrEqual(plan.runs?.max ?? 0);
      seen.deaths += tally.deaths;
      seen.crashes += tally.crashes;
      seen.lost += tally.lost;
      seen.repeated += tally.repeated;
      seen.admitted += tally.admitted;
      seen.waited += tally.requests - tally.waited;
    }
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(0);
  });
});
