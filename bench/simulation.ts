/**
 * `npm run bench -- simulation`: the run core lives through ten thousand simulated worlds, each from its own seed: losses,
 * failures, lanes that ignore their signal, crashes and cancels at any step. Some worlds are lived through again with a
 * crash, and with a cancel, at every single step. `SEED=<seed>` repeats one world and says what broke.
 */

import { campaign, type Tally } from "../test/simulation/campaign.ts";
import { REAL_CORE } from "../test/simulation/core.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";

const WORLDS = 10_000;
/** Worlds that are swept step by step. */
const SWEEPS = 50;
/** Violations printed. */
const MAX_PRINTED = 20;

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const only = process.env["SEED"];
  const first = only === undefined ? seed : Number(only);
  const worlds = only === undefined ? (smoke ? WORLDS / 100 : WORLDS) : 1;
  const startedAt = performance.now();
  const tally = await campaign(REAL_CORE, first, worlds, smoke || only !== undefined ? 1 : SWEEPS);
  const seconds = (performance.now() - startedAt) / 1000;
  for (const violation of tally.violations.slice(0, MAX_PRINTED)) {
    const [, broken = ""] = /^seed (\d+)/.exec(violation) ?? [];
    console.error(`${violation}\n  again: SEED=${broken} npm run bench -- simulation --smoke`);
  }
  return rows(tally, seconds);
}

function rows(tally: Tally, seconds: number): readonly BenchRow[] {
  const subject = `${tally.worlds} seeded worlds`;
  const { faults } = tally;
  return [
    row(subject, "guarantees that did not hold", tally.violations.length, "violations", "== 0"),
    row(subject, "worlds", tally.worlds, "worlds", ">= 1"),
    row(subject, "once more with an incident at each step", tally.sweptSteps, "worlds"),
    row(subject, "requests to tools", tally.calls, "requests"),
    row(subject, "crashes", tally.crashes, "crashes"),
    row(subject, "cancels of runs, branches and calls", tally.cancels, "cancels"),
    row(subject, "resets of branches", tally.resets, "resets"),
    row(subject, "answers that never came", faults.lost, "requests"),
    row(subject, "tools that failed", faults.failed, "requests"),
    row(subject, "lanes that ignored their signal", faults.deaf, "requests"),
    row(subject, "lanes that broke", faults.broken, "requests"),
    row(subject, "speed", (tally.worlds + tally.sweptSteps) / seconds, "worlds/s"),
  ];
}

/** The simulation as a campaign. */
export const simulation: Bench = { name: "simulation", seed: 1, run };
