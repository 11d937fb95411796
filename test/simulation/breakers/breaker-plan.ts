/** What happens in a simulated world of calls to upstreams that fail, from its seed alone. */

import type { ResiliencePolicy } from "../../../src/contract/resilience-policy.ts";
import type { Verdict } from "../../../src/contract/upstream-session.ts";
import { Dice } from "../dice.ts";

/** How an upstream is for a while. */
export type Mood = "well" | "failing" | "flaky" | "slow" | "limiting" | "hanging" | "refusing";

/** One upstream's mood from a time on. */
export interface MoodChange {
  readonly atMs: number;
  readonly mood: Mood;
}

/** A world. Shares are of messages, rates of a second. */
export interface BreakerPlan {
  readonly seed: number;
  readonly isolates: number;
  /** Moods of each upstream, in order of time; the first is from the beginning. */
  readonly targets: readonly (readonly MoodChange[])[];
  readonly policy: ResiliencePolicy;
  readonly retries: "always" | "only_if_not_executed";
  readonly timeoutMs: number;
  readonly callsPerS: number;
  readonly stormMs: number;
  readonly lostShare: number;
  readonly repeatedShare: number;
  readonly lateMs: number;
  readonly deathsPerS: number;
  readonly restartsPerS: number;
  readonly stepsPerS: number;
  readonly forcesPerS: number;
  readonly abortShare: number;
}

const MOODS: readonly Mood[] = [
  "failing",
  "failing",
  "flaky",
  "slow",
  "limiting",
  "hanging",
  "refusing",
];

/** Draws the world of a seed. */
export function breakerPlan(seed: number): BreakerPlan {
  const dice = new Dice("breakers", seed);
  const some = (value: number): number => (dice.chance(0.5) ? value : 0);
  const stormMs = dice.int(6_000, 16_000);
  return {
    seed,
    isolates: dice.pick([2, 2, 3, 5, 20]),
    targets: Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, () => moods(dice, stormMs)),
    policy: {
      retry: { max_attempts: dice.int(1, 3), budget: dice.pick([0, 0.1, 0.5]) },
      hedge: { enabled: dice.chance(0.5), quantile: 0.9, budget: 0.1 },
      concurrency: "off",
      breaker: { enabled: true, ...(dice.chance(0.3) && { slow_ms: 400 }) },
    },
    retries: dice.pick(["always", "always", "only_if_not_executed"]),
    timeoutMs: dice.pick([300, 1000, 3000]),
    callsPerS: dice.pick([3, 10, 25]),
    stormMs,
    lostShare: some(0.1),
    repeatedShare: some(0.03),
    lateMs: some(800),
    deathsPerS: some(0.2),
    restartsPerS: some(0.2),
    stepsPerS: some(0.2),
    forcesPerS: dice.chance(0.15) ? 0.2 : 0,
    abortShare: some(0.05),
  };
}

function moods(dice: Dice, stormMs: number): readonly MoodChange[] {
  const changes: MoodChange[] = [{ atMs: 0, mood: "well" }];
  for (let atMs = dice.int(0, 4_000); atMs < stormMs; atMs += dice.int(1_000, 6_000)) {
    const isWell = changes.at(-1)?.mood === "well";
    changes.push({ atMs, mood: isWell ? dice.pick(MOODS) : "well" });
  }
  return changes;
}

/** What an upstream does with one request: its answer after a while, or none at all (null). */
export interface Answer {
  readonly verdict: Verdict;
  readonly afterMs: number;
}

/** Draws the answer of an upstream in some mood. */
export function answerOf(mood: Mood, dice: Dice): Answer | null {
  const said = (kind: Verdict["class"], afterMs: number, executed = true): Answer => ({
    verdict: { class: kind, retryAfterMs: null, executed },
    afterMs,
  });
  switch (mood) {
    case "well":
      return said("ok", dice.int(5, 60));
    case "failing":
      return said("failed", dice.pick([1, 20, 250, 800]), dice.chance(0.5));
    case "flaky":
      return dice.chance(0.4)
        ? said("failed", dice.int(1, 50), false)
        : said("ok", dice.int(5, 60));
    case "slow":
      return said("ok", dice.int(300, 2_500));
    case "limiting": {
      const retryAfterMs = dice.chance(0.6) ? dice.int(1, 6) * 1000 : null;
      return { verdict: { class: "rate_limited", retryAfterMs, executed: false }, afterMs: 5 };
    }
    case "refusing":
      return said("credential", 5, false);
    case "hanging":
      return null;
  }
}
