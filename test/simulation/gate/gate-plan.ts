/** What happens in a simulated world of a tenant's limits, from its seed alone. */

import { bucketOf } from "../../../src/algorithms/rate-promise.ts";
import type { RequestLimit } from "../../../src/contract/limits.ts";
import { Dice } from "../dice.ts";

/** A rate limit that every request of the world passes. */
export interface PlannedLimit {
  readonly id: string;
  readonly limit: RequestLimit;
  /** Tokens one request costs. */
  readonly cost: number;
}

/** What goes wrong while the storm lasts. Shares are of messages, rates of a second. */
export interface GateFaults {
  readonly lostShare: number;
  readonly repeatedShare: number;
  readonly lateShare: number;
  /** A late message takes up to so much longer. */
  readonly lateMs: number;
  readonly deathsPerS: number;
  readonly restartsPerS: number;
  /** Periods in which no message reaches the gate, and how long each is. */
  readonly outagesPerS: number;
  readonly outageMs: number;
  /** Clocks of isolates are off by up to this, and jump by up to this so often. */
  readonly skewMs: number;
  readonly stepsPerS: number;
}

/** A world. */
export interface GatePlan {
  readonly seed: number;
  readonly isolates: number;
  readonly limits: readonly PlannedLimit[];
  /** Runs at once, and the longest one; null: not limited. */
  readonly runs: { readonly max: number; readonly longestMs: number } | null;
  /** Requests offered, as a multiple of what the limits allow. */
  readonly load: number;
  /** Requests come in bursts with pauses between them. */
  readonly isBursty: boolean;
  readonly roundTripMs: number;
  readonly stormMs: number;
  readonly faults: GateFaults;
}

/** Draws the world of a seed. */
export function gatePlan(seed: number): GatePlan {
  const dice = new Dice("gate", seed);
  const perS = dice.pick([1, 15, 60, 150, 300]);
  const window_s = dice.pick([1, 2, 10]);
  const quota = Math.max(2, perS * window_s);
  const burst = Math.max(1, Math.round(quota / dice.pick([1, 2, 5, 20])));
  const cost = Math.min(burst, dice.pick([1, 1, 1, 3]));
  const first = { id: "tenant", limit: { limit: quota, window_s, burst }, cost };
  const slow = { limit: Math.max(2, Math.round(perS * 20 * 0.8)), window_s: 20 };
  const second = { id: "key", limit: slow, cost: 1 };
  return {
    seed,
    isolates: dice.pick([2, 2, 3, 5, 10, 50]),
    limits: dice.chance(0.3) ? [first, second] : [first],
    runs: dice.chance(0.6)
      ? { max: dice.pick([2, 8, 25, 120]), longestMs: dice.pick([20, 300, 1500]) }
      : null,
    load: dice.pick([0.5, 1, 1.5, 3]),
    isBursty: dice.chance(0.3),
    roundTripMs: dice.pick([2, 20, 150]),
    stormMs: dice.pick([3000, 5000, 8000]),
    faults: drawFaults(dice),
  };
}

/** Requests a second that all limits of a world let pass. */
export function allowedPerS({ limits }: GatePlan): number {
  const rates = limits.map(({ limit, cost }) => {
    const { limit: quota, windowMs } = bucketOf(limit);
    return (quota * 1000) / windowMs / cost;
  });
  return Math.min(...rates);
}

/** Each fault is there in some worlds and not in others, so that none hides behind another. */
function drawFaults(dice: Dice): GateFaults {
  const some = (value: number): number => (dice.chance(0.5) ? value : 0);
  return {
    lostShare: some(0.05),
    repeatedShare: some(0.05),
    lateShare: some(0.1),
    lateMs: dice.pick([300, 2500]),
    deathsPerS: some(0.7),
    restartsPerS: some(0.7),
    outagesPerS: some(0.4),
    outageMs: dice.int(300, 2500),
    skewMs: some(5000),
    stepsPerS: some(0.5),
  };
}
