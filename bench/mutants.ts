/**
 * `npm run bench -- mutants`: would the tests notice? Small changes are made to the scheduler, the journal and early start,
 * one at a time, and the tests of those rooms and a small simulation are run against each. What survives is listed in
 * `test/simulation/survivors.md` with the reason, or is a missing test.
 */

import { globSync, readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";

import { inParallel, type Bench, type BenchOptions } from "./bench.ts";
import { type FileMutant, mutantsOf, mutated, nameOf } from "./mutants/generate.ts";
import { sample } from "./mutants/sample.ts";
import { tryMutant, type Verdict } from "./mutants/try-mutant.ts";
import { row, type BenchRow } from "./report.ts";

const ROOMS = ["schedule", "journal", "early-start"];
/** Mutants of one run; `MUTANTS=<n>` tries another number. */
const MUTANTS = 210;
const SMOKE_MUTANTS = 20;
const MIN_KILLED = 85;
const SURVIVORS = "test/simulation/survivors.md";
/** A mutant that takes so many times as long as the code itself hangs. */
const PATIENCE = 3;
const WIDTH = 2;
const MAX_TIMEOUT_MS = 60_000;

interface Tried {
  readonly mutant: FileMutant;
  readonly verdict: Verdict["verdict"];
}

/** Tests of the room first: they know it best. */
function testsFor(room: string): readonly string[] {
  const tests = [...ROOMS, "speculation", "branches"].flatMap((each) =>
    globSync(`test/orchestration/${each}/*.test.ts`),
  );
  const isNear = (file: string): boolean => basename(dirname(file)) === room;
  const ordered = [...tests.filter(isNear), ...tests.filter((file) => !isNear(file))];
  return [...ordered, "test/simulation/mutant-simulation.test.ts"].map((file) => resolve(file));
}

function allMutants(): readonly FileMutant[] {
  return ROOMS.flatMap((room) => globSync(`src/orchestration/${room}/*.ts`))
    .toSorted()
    .flatMap((file) => mutantsOf(readFileSync(file, "utf8")).map((each) => ({ ...each, file })));
}

/** Names of the survivors that have a reason. */
function explained(): ReadonlySet<string> {
  const lines = readFileSync(SURVIVORS, "utf8").split("\n");
  return new Set(lines.flatMap((line) => /^- `(.+)`: \S/.exec(line)?.[1] ?? []));
}

async function run({ smoke, seed }: BenchOptions): Promise<readonly BenchRow[]> {
  const startedAt = performance.now();
  const sound = await tryMutant({ mutated: null, tests: testsFor("schedule") }, MAX_TIMEOUT_MS);
  if (sound.verdict !== "survived") throw new Error(`the code itself fails: ${sound.said}`);
  const timeoutMs = Math.min(MAX_TIMEOUT_MS, PATIENCE * (performance.now() - startedAt));
  const most = smoke ? SMOKE_MUTANTS : Number(process.env["MUTANTS"] ?? MUTANTS);
  const all = allMutants();
  const chosen = sample(all, most, seed);
  const tried: Tried[] = [];
  await inParallel(chosen.length, WIDTH, async (index) => {
    const mutant = chosen[index];
    if (mutant === undefined) return;
    const text = mutated(readFileSync(mutant.file, "utf8"), mutant);
    const tests = testsFor(basename(dirname(mutant.file)));
    const job = { mutated: { file: resolve(mutant.file), text }, tests };
    const { verdict } = await tryMutant(job, timeoutMs);
    tried.push({ mutant, verdict });
  });
  return rows(all.length, tried, (performance.now() - startedAt) / 1000, smoke);
}

/** A handful of mutants says that the campaign works, and nothing of a share. */
function rows(
  all: number,
  tried: readonly Tried[],
  seconds: number,
  smoke: boolean,
): readonly BenchRow[] {
  const survived = tried.filter(({ verdict }) => verdict === "survived");
  const reasons = explained();
  const unexplained = survived.filter(({ mutant }) => !reasons.has(nameOf(mutant)));
  for (const { mutant } of unexplained) console.error(`survived: ${nameOf(mutant)}`);
  const subject = `${tried.length} of ${all} mutants`;
  const killed = (100 * (tried.length - survived.length)) / tried.length;
  const kinds = ["comparison", "constant", "early return", "await"] as const;
  return [
    row(subject, "killed", killed, "per cent", smoke ? ">= 1" : `>= ${MIN_KILLED}`),
    row(
      subject,
      "survivors without a reason",
      unexplained.length,
      "mutants",
      smoke ? undefined : "== 0",
    ),
    row(
      subject,
      "killed by time",
      tried.filter(({ verdict }) => verdict === "timeout").length,
      "mutants",
    ),
    ...kinds.map((kind) =>
      row(
        `changes of a kind: ${kind}`,
        "survived",
        survived.filter(({ mutant }) => mutant.kind === kind).length,
        `of ${tried.filter(({ mutant }) => mutant.kind === kind).length}`,
      ),
    ),
    row(subject, "time", seconds, "s"),
  ];
}

/** The mutants as a campaign. */
export const mutants: Bench = { name: "mutants", seed: 1, run };
