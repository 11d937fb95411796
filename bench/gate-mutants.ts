/**
 * `npm run bench -- gate-mutants`: would the tests notice? Small changes are made, one at a time, to the algorithms, to the
 * decisions of the gate and to the guard, and the tests that know the changed file and two small simulations are run against each.
 * What survives is listed in `test/simulation/gate/survivors.md` with the reason, or is a missing test.
 *
 * What needs the platform (`tenant-gate.ts`, its SQL) is not here: `gate-kills` and the tests in workerd have it.
 */

import { globSync } from "node:fs";

import type { Bench } from "./bench.ts";
import { tryMutants } from "./mutants/campaign.ts";
import { NearestTests } from "./mutants/nearest-tests.ts";

const MUTANTS = 330;
const SURVIVORS = "test/simulation/gate/survivors.md";

const SOURCES = ["src/algorithms/*.ts", "durable-objects/tenant-gate/*.ts", "src/resilience/*.ts"];
/** The object itself and its rows. */
const PLATFORM = /tenant-gate\/(?:tenant-gate|schema|breaker-rows)\.ts$/;

const TESTS = [
  "test/{algorithms,resilience,tenancy}/*.test.ts",
  "test/durable-objects/**/*.test.ts",
  "test/simulation/{gate,breakers}/mutant-*.test.ts",
];

/** Tests further away know little of a file. */
const MOST_TESTS = 12;

/** The mutants of the gate and the guard as a campaign. */
export const gateMutants: Bench = {
  name: "gate-mutants",
  seed: 1,
  run: (options) => {
    const files = globSync(SOURCES)
      .filter((file) => !PLATFORM.test(file))
      .toSorted();
    const nearest = new NearestTests(globSync(TESTS).toSorted());
    const testsFor = (file: string): readonly string[] => nearest.of(file, MOST_TESTS);
    return tryMutants({ files, testsFor, survivors: SURVIVORS, mutants: MUTANTS }, options);
  },
};
