/**
 * Many worlds one after the other, and what they came to. Some are swept: lived through again with a crash at every
 * single step, and again with a cancel of the run at every single step.
 */

import type { Core } from "./core.ts";
import type { Incident } from "./incidents.ts";
import { type Simulated, simulate } from "./simulate.ts";
import type { FaultCount } from "./tool-servers.ts";

/** What a campaign saw. */
export interface Tally {
  worlds: number;
  calls: number;
  steps: number;
  lives: number;
  crashes: number;
  cancels: number;
  resets: number;
  /** Worlds lived through once more for one step of another. */
  sweptSteps: number;
  readonly faults: FaultCount;
  /** `seed <seed>: <guarantee>: <what>`, the seed with the sweep's step where there is one. */
  readonly violations: string[];
}

/** Violations listed of one world. */
const LISTED = 3;

/** A swept world is crashed and cancelled at its first so many steps. */
const MAX_SWEPT_STEPS = 120;

/** Time a crashed run of a sweep is lost for. */
const SWEEP_DOWN_MS = 5;

/** Simulates `worlds` seeds from `first` on, and sweeps `sweeps` of them. */
export async function campaign(
  core: Core,
  first: number,
  worlds: number,
  sweeps = 0,
): Promise<Tally> {
  const tally: Tally = {
    worlds: 0,
    calls: 0,
    steps: 0,
    lives: 0,
    crashes: 0,
    cancels: 0,
    resets: 0,
    sweptSteps: 0,
    faults: { lost: 0, failed: 0, deaf: 0, broken: 0 },
    violations: [],
  };
  for (let seed = first; seed < first + worlds; seed += 1) {
    count(tally, await simulate(seed, core), "");
    tally.worlds += 1;
  }
  for (let seed = first; seed < first + sweeps; seed += 1) await sweep(tally, seed, core);
  return tally;
}

async function sweep(tally: Tally, seed: number, core: Core): Promise<void> {
  const { steps } = await simulate(seed, core, []);
  for (let step = 0; step <= Math.min(steps, MAX_SWEPT_STEPS); step += 1) {
    const incidents: readonly Incident[] = [
      { step, kind: "crash", downMs: SWEEP_DOWN_MS },
      { step, kind: "cancel run" },
    ];
    for (const incident of incidents) {
      const simulated = await simulate(seed, core, [incident]);
      count(tally, simulated, ` with a ${incident.kind} at step ${step}`);
      tally.sweptSteps += 1;
    }
  }
}

function count(tally: Tally, simulated: Simulated, where: string): void {
  const { seed, faults, happened, violations } = simulated;
  tally.calls += simulated.sent;
  tally.steps += simulated.steps;
  tally.lives += simulated.lives;
  tally.crashes += happened.filter((kind) => kind === "crash").length;
  tally.cancels += happened.filter((kind) => kind.startsWith("cancel")).length;
  tally.resets += happened.filter((kind) => kind === "reset branch").length;
  for (const fault of ["lost", "failed", "deaf", "broken"] as const)
    tally.faults[fault] += faults[fault];
  for (const { guarantee, what } of violations.slice(0, LISTED))
    tally.violations.push(`seed ${seed}${where}: ${guarantee}: ${what}`);
}
