/**
 * A campaign of mutants: small changes are made to some sources, one at a time, and tests are run against each. What survives is
 * listed with the reason, or is a missing test.
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { inParallel, type BenchOptions } from "../bench.ts";
import { row, type BenchRow } from "../report.ts";
import { type FileMutant, mutantsOf, mutated, nameOf } from "./generate.ts";
import { sample } from "./sample.ts";
import { tryMutant, type Verdict } from "./try-mutant.ts";

/** What is mutated and what has to notice. */
export interface MutantCampaign {
  /** Sources, relative to the repository. */
  readonly files: readonly string[];
  /** Tests against a mutant of `file`, those that know it best first; relative or absolute. */
  readonly testsFor: (file: string) => readonly string[];
  /** Page of survivors that have a reason. */
  readonly survivors: string;
  /** Mutants of one run; `MUTANTS=<n>` tries another number. */
  readonly mutants: number;
}

const SMOKE_MUTANTS = 20;
const MIN_KILLED = 85;
/** A mutant that takes so many times as long as the code itself hangs. */
const PATIENCE = 3;
const WIDTH = 2;
const MAX_TIMEOUT_MS = 60_000;

interface Tried {
  readonly mutant: FileMutant;
  readonly verdict: Verdict["verdict"];
}

/** Names of the survivors that have a reason. */
function explained(survivors: string): ReadonlySet<string> {
  const lines = readFileSync(survivors, "utf8").split("\n");
  return new Set(lines.flatMap((line) => /^- `(.+)`: \S/.exec(line)?.[1] ?? []));
}

/** Runs the tests of every file against the code as it is; answers how long the slowest took. Throws when one fails. */
async function checkSound({ files, testsFor }: MutantCampaign): Promise<number> {
  const sets = new Map(files.map((file) => [testsFor(file).toSorted().join(" "), file]));
  let slowestMs = 0;
  for (const file of sets.values()) {
    const startedAt = performance.now();
    const tests = testsFor(file).map((test) => resolve(test));
    const sound = await tryMutant({ mutated: null, tests }, MAX_TIMEOUT_MS);
    if (sound.verdict !== "survived")
      throw new Error(`the code itself fails (${file}): ${sound.verdict} ${sound.said}`);
    slowestMs = Math.max(slowestMs, performance.now() - startedAt);
  }
  return slowestMs;
}

/** Tries the mutants of a campaign. */
export async function tryMutants(
  campaign: MutantCampaign,
  { smoke, seed }: BenchOptions,
): Promise<readonly BenchRow[]> {
  const startedAt = performance.now();
  const timeoutMs = Math.min(MAX_TIMEOUT_MS, PATIENCE * (await checkSound(campaign)));
  const most = smoke ? SMOKE_MUTANTS : Number(process.env["MUTANTS"] ?? campaign.mutants);
  const all = campaign.files.flatMap((file) =>
    mutantsOf(readFileSync(file, "utf8")).map((each) => ({ ...each, file })),
  );
  const chosen = sample(all, most, seed);
  const tried: Tried[] = [];
  await inParallel(chosen.length, WIDTH, async (index) => {
    const mutant = chosen[index];
    if (mutant === undefined) return;
    const text = mutated(readFileSync(mutant.file, "utf8"), mutant);
    const tests = campaign.testsFor(mutant.file).map((test) => resolve(test));
    const job = { mutated: { file: resolve(mutant.file), text }, tests };
    const { verdict } = await tryMutant(job, timeoutMs);
    tried.push({ mutant, verdict });
  });
  const seconds = (performance.now() - startedAt) / 1000;
  return rows(explained(campaign.survivors), all.length, tried, seconds, smoke);
}

/** A handful of mutants says that the campaign works, and nothing of a share. */
function rows(
  reasons: ReadonlySet<string>,
  all: number,
  tried: readonly Tried[],
  seconds: number,
  smoke: boolean,
): readonly BenchRow[] {
  const survived = tried.filter(({ verdict }) => verdict === "survived");
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
