/**
 * `npm run bench -- mutants`: would the tests notice? Small changes are made to the scheduler, the journal and early start,
 * one at a time, and the tests of those rooms and a small simulation are run against each. What survives is listed in
 * `test/simulation/survivors.md` with the reason, or is a missing test.
 */

import { globSync } from "node:fs";
import { basename, dirname } from "node:path";

import type { Bench } from "./bench.ts";
import { tryMutants } from "./mutants/campaign.ts";

const ROOMS = ["schedule", "journal", "early-start"];
const MUTANTS = 210;
const SURVIVORS = "test/simulation/survivors.md";

/** Tests of the room first: they know it best. */
function testsFor(source: string): readonly string[] {
  const room = basename(dirname(source));
  const tests = [...ROOMS, "speculation", "branches"].flatMap((each) =>
    globSync(`test/orchestration/${each}/*.test.ts`),
  );
  const isNear = (file: string): boolean => basename(dirname(file)) === room;
  const ordered = [...tests.filter(isNear), ...tests.filter((file) => !isNear(file))];
  return [...ordered, "test/simulation/mutant-simulation.test.ts"];
}

/** The mutants as a campaign. */
export const mutants: Bench = {
  name: "mutants",
  seed: 1,
  run: (options) => {
    const files = ROOMS.flatMap((room) => globSync(`src/orchestration/${room}/*.ts`)).toSorted();
    return tryMutants({ files, testsFor, survivors: SURVIVORS, mutants: MUTANTS }, options);
  },
};
