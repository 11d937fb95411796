/**
 * A campaign of mutants: small changes are made to some sources, one at a time, and tests are run against each. What survives is
 * listed with the reason, or is a missing test.
 */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";

import { inParallel, type BenchOptions } from "../bench.ts";
import { row, type BenchRow } from "../report.ts";
import { type FileMutant, mutantsOf, mutated, nameOf } from "./generate.ts";
import { Judge, type Verdict } from "./judge.ts";
import { sample } from "./sample.ts";

/** What is mutated and what has to notice. */
export interface MutantCampaign {
  /** Sources, relative to the repository. */
  readonly files: readonly string[];
  /** Tests against a mutant of `file`, those that know it best first; relative or absolute. */
  readonly testsFor: (file: string) => readonly string[];
  /** Page of survivors that have a reason. */
  readonly survivors: string;
  /** Mutants of one run; `MUTANTS=<n>` tries another number, `ONLY=<part of a path>` those of some files. */
  readonly mutants: number;
}

const SMOKE_MUTANTS = 10;
const MIN_KILLED = 85;
/** A mutant that takes so many times as long as the code itself hangs; on a busy machine the code itself takes a few times as long. */
const PATIENCE = 5;
const LEAST_TIMEOUT_MS = 10_000;
const MAX_TIMEOUT_MS = 60_000;
/** Processes at once. */
const WIDTH = 2;

/** Most mutants are found out by the first cases of a property; only what survives those has to pass all of them. */
const FIRST_RUNS = 30;

interface Tried {
  readonly mutant: FileMutant;
  readonly verdict: Verdict["verdict"];
}

/** Names of the survivors that have a reason. */
function explained(survivors: string): ReadonlySet<string> {
  const lines = readFileSync(survivors, "utf8").split("\n");
  return new Set(lines.flatMap((line) => /^- `(.+)`: \S/.exec(line)?.[1] ?? []));
}

function chooseMutants({ files, mutants }: MutantCampaign, { smoke, seed }: BenchOptions) {
  const only = process.env["ONLY"];
  const all = files
    .filter((file) => only === undefined || file.includes(only))
    .flatMap((file) => mutantsOf(readFileSync(file, "utf8")).map((each) => ({ ...each, file })));
  const usual = only === undefined ? mutants : all.length;
  const most = smoke ? SMOKE_MUTANTS : Number(process.env["MUTANTS"] ?? usual);
  return { all: all.length, chosen: sample(all, most, seed) };
}

/** Runs every test against the code as it is; answers how long each takes. Throws when one fails. */
async function checkSound(judges: Judges, tests: readonly string[]) {
  const tookMs = new Map<string, number>();
  await judges.each(tests, async (test, judge) => {
    const job = { mutated: null, tests: [resolve(test)], maxRuns: null };
    const sound = await judge.judge(job, MAX_TIMEOUT_MS);
    if (sound.verdict !== "survived")
      throw new Error(`the code itself fails: ${sound.verdict} ${sound.said}`);
    tookMs.set(test, sound.tookMs);
  });
  return tookMs;
}

/** Tries the mutants of a campaign. */
export async function tryMutants(
  campaign: MutantCampaign,
  options: BenchOptions,
): Promise<readonly BenchRow[]> {
  const startedAt = performance.now();
  const { all, chosen } = chooseMutants(campaign, options);
  const testsOf = new Map(chosen.map(({ file }) => [file, campaign.testsFor(file)]));
  const judges = new Judges();
  const tried: Tried[] = [];
  const reasons = explained(campaign.survivors);
  try {
    const tookMs = await checkSound(judges, [...new Set([...testsOf.values()].flat())]);
    await judges.each(chosen, async (mutant, judge) => {
      const text = mutated(readFileSync(mutant.file, "utf8"), mutant);
      const tests = testsOf.get(mutant.file) ?? [];
      const usualMs = tests.reduce((sum, test) => sum + (tookMs.get(test) ?? 0), 0);
      const timeoutMs = Math.max(LEAST_TIMEOUT_MS, PATIENCE * usualMs);
      const job = {
        mutated: { file: resolve(mutant.file), text },
        tests: tests.map((test) => resolve(test)),
      };
      const first = await judge.judge({ ...job, maxRuns: FIRST_RUNS }, timeoutMs);
      const { verdict } =
        first.verdict === "survived" && !options.smoke
          ? await judge.judge({ ...job, maxRuns: null }, timeoutMs)
          : first;
      tried.push({ mutant, verdict });
      if (verdict === "survived" && !reasons.has(nameOf(mutant)))
        console.error(`survived: ${nameOf(mutant)}`);
    });
  } finally {
    judges.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return rows(reasons, all, tried, seconds, options.smoke);
}

/** A few judges who share the work. */
class Judges {
  readonly #judges = Array.from({ length: WIDTH }, () => new Judge());

  async each<T>(all: readonly T[], work: (one: T, judge: Judge) => Promise<void>): Promise<void> {
    const left = [...all];
    await inParallel(WIDTH, WIDTH, async (index) => {
      const judge = this.#judges[index];
      if (judge === undefined) return;
      for (let one = left.shift(); one !== undefined; one = left.shift()) await work(one, judge);
    });
  }

  close(): void {
    for (const judge of this.#judges) judge.close();
  }
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
