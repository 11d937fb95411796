/**
 * Shedding: who goes first when not all can.
 *
 * By tier, then by cohort: each run belongs to one of 128 by its name, for good. Calls of one run are let through or turned away
 * together, and under lasting overload it is the same runs that get through, instead of a part of each. Source: Uber, "Cinnamon:
 * using century old tech to build a mean load shedder" (tiers and cohorts).
 */

/** What a call is for, the most important first: it is turned away last. */
export const TIERS = ["interactive", "agent_step", "background", "spare"] as const;
/** What a call is for. `spare` are guesses and hedges: nobody misses them. */
export type Tier = (typeof TIERS)[number];

const COHORTS = 128;

/** One of those who wait. */
export interface Waiting {
  /** Higher goes first. */
  readonly level: number;
  /** Counts up: of one level the first come goes first. */
  readonly number: number;
}

/** How important a call of a run is. */
export function levelOf(tier: Tier, run: string): number {
  return (TIERS.length - TIERS.indexOf(tier)) * COHORTS + cohortOf(run);
}

/** Strict order of those who wait. */
export function isBefore(a: Waiting, b: Waiting): boolean {
  return a.level > b.level || (a.level === b.level && a.number < b.number);
}

/** 0 to 127, even over all runs. The hash is FNV-1a. */
function cohortOf(run: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < run.length; at += 1)
    hash = Math.imul(hash ^ run.charCodeAt(at), 0x01000193);
  return ((hash ^ (hash >>> 15)) >>> 0) % COHORTS;
}
