/**
 * `npm run bench -- gate-mutants`: would the tests notice? Small changes are made, one at a time, to the algorithms of limits,
 * breakers and balancing, to the gate's tables and to the guard, and their tests and a small simulation are run against each. What
 * survives is listed in `test/simulation/gate/survivors.md` with the reason, or is a missing test.
 *
 * What needs the platform (`tenant-gate.ts`, its SQL) is not here: `gate-kills` and the tests in workerd have it.
 */

import { existsSync, globSync } from "node:fs";
import { basename, dirname } from "node:path";

import type { Bench } from "./bench.ts";
import { tryMutants } from "./mutants/campaign.ts";

const MUTANTS = 330;
const SURVIVORS = "test/simulation/gate/survivors.md";

const LIMITS = [
  "lease-holder",
  "lease-size",
  "rate-holding",
  "rate-promise",
  "permit-bundle",
  "token-bucket",
  "water-filling",
  "decaying-rate",
];
const RESILIENCE = [
  "breaker",
  "adaptive-cusum",
  "retry-budget",
  "full-jitter",
  "peak-ewma",
  "outlier-ejection",
  "failure-domains",
  "failure-pattern",
  "quantile-sketch",
  "weighted-draw",
  "bounded-hash",
  "least-cost",
];
const TABLES = ["decide", "gate-memory", "lease-table", "permit-pool"];

const algorithm = (name: string): string => `src/algorithms/${name}.ts`;
const table = (name: string): string => `durable-objects/tenant-gate/${name}.ts`;

const LIMIT_FILES = [...LIMITS.map(algorithm), ...TABLES.map(table)];
const LIMIT_TESTS = [
  ...LIMITS.map((name) => `test/algorithms/${name}.test.ts`).filter((file) => existsSync(file)),
  "test/simulation/gate/mutant-limits.test.ts",
];

function otherFiles(): readonly string[] {
  return [
    ...RESILIENCE.map(algorithm),
    table("breaker-table"),
    ...globSync("src/resilience/*.ts").toSorted(),
  ];
}

function testsFor(file: string): readonly string[] {
  const own = `test/${basename(dirname(file))}/${basename(file, ".ts")}.test.ts`;
  const rest = LIMIT_FILES.includes(file)
    ? LIMIT_TESTS
    : [
        ...globSync("test/resilience/*.test.ts").toSorted(),
        "test/simulation/breakers/mutant-breakers.test.ts",
      ];
  const isUsable = existsSync(own) && dirname(file) !== "durable-objects/tenant-gate";
  return [...new Set([...(isUsable ? [own] : []), ...rest])];
}

/** The mutants of the gate and the guard as a campaign. */
export const gateMutants: Bench = {
  name: "gate-mutants",
  seed: 1,
  run: (options) => {
    const files = [...LIMIT_FILES, ...otherFiles()];
    return tryMutants({ files, testsFor, survivors: SURVIVORS, mutants: MUTANTS }, options);
  },
};
