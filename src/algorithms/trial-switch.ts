/**
 * A switch that turns itself off when what it switches on goes badly, and tries again later.
 *
 * Success is the mean of a Beta distribution over decayed counts: mean = (good + 2) / (good + bad + 3), where every new
 * observation first multiplies the older ones by `DECAY` (Bernoulli trials with exponential forgetting; the prior
 * Beta(2, 1) means: trusted until there is evidence). Two thresholds and a rest that doubles keep it from flapping: off
 * below `OFF_BELOW`, then off for `MIN_REST_MS`, twice as long after every trial that fails, and back to the short rest
 * only once it was above `PROVEN_ABOVE`. Time comes as a parameter.
 */

/** Weight the past keeps at each observation: a memory of about twenty. */
export const DECAY = 0.95;

/** The mean below which it goes off. */
export const OFF_BELOW = 0.6;

/** The mean above which, with `PROVEN_EVIDENCE`, failed trials are forgotten. */
export const PROVEN_ABOVE = 0.8;

/** Observations, by weight, that are needed to turn off at first, to turn off in a later trial, and to be proven. */
const FIRST_EVIDENCE = 3.5;
const TRIAL_EVIDENCE = 1.5;
const PROVEN_EVIDENCE = 6;

/** The shortest time it stays off, milliseconds. */
export const MIN_REST_MS = 600_000;

/** The longest time it stays off, milliseconds. */
export const MAX_REST_MS = 86_400_000;

/** A switch between two observations. Plain data. */
export interface TrialSwitch {
  /** Decayed counts since it was last turned on. */
  readonly good: number;
  readonly bad: number;
  /** When it may be tried again, on the caller's clock; null while it is on. */
  readonly offUntilMs: number | null;
  /** How long it rested the last time; 0 when it never failed or was proven since. */
  readonly restMs: number;
}

/** A switch nobody knows anything of: on. */
export const UNTRIED: TrialSwitch = { good: 0, bad: 0, offUntilMs: null, restMs: 0 };

/** The share of good outcomes to expect, between 0 and 1. */
export function expectedShare({ good, bad }: TrialSwitch): number {
  return (good + 2) / (good + bad + 3);
}

/** Whether it is on at `nowMs`; a switch whose rest is over is on again, on trial. */
export function isOn({ offUntilMs }: TrialSwitch, nowMs: number): boolean {
  return offUntilMs === null || nowMs >= offUntilMs;
}

/** The switch after one outcome at `nowMs`. An outcome that comes while it is off, from before, changes nothing. */
export function observe(state: TrialSwitch, wasGood: boolean, nowMs: number): TrialSwitch {
  if (!isOn(state, nowMs)) return state;
  const before = state.offUntilMs === null ? state : { ...state, good: 0, bad: 0 };
  const seen: TrialSwitch = {
    good: before.good * DECAY + (wasGood ? 1 : 0),
    bad: before.bad * DECAY + (wasGood ? 0 : 1),
    offUntilMs: null,
    restMs: before.restMs,
  };
  const evidence = seen.good + seen.bad;
  const share = expectedShare(seen);
  const needed = seen.restMs === 0 ? FIRST_EVIDENCE : TRIAL_EVIDENCE;
  if (share < OFF_BELOW && evidence >= needed) {
    const restMs = Math.min(MAX_REST_MS, Math.max(MIN_REST_MS, seen.restMs * 2));
    return { ...seen, offUntilMs: nowMs + restMs, restMs };
  }
  return share > PROVEN_ABOVE && evidence >= PROVEN_EVIDENCE ? { ...seen, restMs: 0 } : seen;
}
