/**
 * `npm run bench -- gate-simulation`: a tenant's limits live through ten thousand simulated worlds, each from its own seed:
 * messages that are late, lost and repeated, isolates that die with a lease, a gate that restarts from its rows, outages and
 * clocks that are wrong and jump; and breakers and the guard through as many, with upstreams that fail, are slow, hang, limit and
 * recover. `SEED=<seed>` repeats one world of each and says what broke.
 */

import { breakerCampaign } from "../test/simulation/breakers/breaker-campaign.ts";
import { REAL_BREAKER_CORE } from "../test/simulation/breakers/breaker-core.ts";
import { gateCampaign, type GateTally } from "../test/simulation/gate/gate-campaign.ts";
import { REAL_GATE_CORE } from "../test/simulation/gate/gate-core.ts";
import { neverHappened } from "../test/simulation/gate/gate-counts.ts";
import type { Bench, BenchOptions } from "./bench.ts";
import { row, type BenchRow } from "./report.ts";

const WORLDS = 10_000;
/** Violations printed. */
const MAX_PRINTED = 20;

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const only = process.env["SEED"];
  const first = only === undefined ? seed : Number(only);
  const worlds = only === undefined ? (smoke ? WORLDS / 100 : WORLDS) : 1;
  const startedAt = performance.now();
  const limits = gateCampaign(REAL_GATE_CORE, first, worlds);
  const limitsS = (performance.now() - startedAt) / 1000;
  const between = performance.now();
  const breakers = await breakerCampaign(REAL_BREAKER_CORE, first, worlds);
  const breakersS = (performance.now() - between) / 1000;
  const violations = [...limits.violations, ...breakers.violations];
  for (const violation of violations.slice(0, MAX_PRINTED)) {
    const [, broken = ""] = /^seed (\d+)/.exec(violation) ?? [];
    console.error(`${violation}\n  again: SEED=${broken} npm run bench -- gate-simulation --smoke`);
  }
  const isWhole = only === undefined;
  return [
    ...rows("limits", limits, limitsS, isWhole),
    ...rows("breakers", breakers, breakersS, isWhole),
  ];
}

function rows(
  what: string,
  {
    worlds,
    violations,
    counts,
  }: Pick<GateTally, "worlds" | "violations"> & {
    readonly counts: Readonly<Record<string, number>>;
  },
  seconds: number,
  isWhole: boolean,
): readonly BenchRow[] {
  const subject = `${what}: ${worlds} seeded worlds`;
  const unreached = neverHappened(counts);
  if (isWhole && unreached.length > 0) console.error(`never happened: ${unreached.join(", ")}`);
  return [
    row(subject, "guarantees that did not hold", violations.length, "violations", "== 0"),
    row(
      subject,
      "faults and states that were never reached",
      unreached.length,
      "of them",
      isWhole ? "== 0" : undefined,
    ),
    ...Object.entries(counts).map(([name, times]) => row(subject, name, times, "times")),
    row(subject, "speed", worlds / seconds, "worlds/s"),
  ];
}

/** The simulation of limits and breakers as a campaign. */
export const gateSimulation: Bench = { name: "gate-simulation", seed: 1, run };
