/**
 * Runs tests against mutants, one after the other, in a process that stays warm: starting Node and reading the libraries again would
 * take longer than most mutants. `judge.ts` starts it, sends jobs and ends it.
 *
 * Every job sees modules of its own (their addresses bear its number), so nothing one mutant did is left for the next; only
 * packages are shared. A job stops at the first test that fails. One that waits for what never comes has failed when nothing is left
 * to wait for; one that does not stop is the judge's business.
 */

import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

import { configureGlobal } from "fast-check";

import { takeBefore, takeTests } from "./test-api.ts";

/** What to run. */
export interface Job {
  /** Absolute path of the mutated file, and its text; null runs the sources as they are. */
  readonly mutated: { readonly file: string; readonly text: string } | null;
  /** Absolute paths, in the order they are run. */
  readonly tests: readonly string[];
  /** A property is tried at most so often; null: as often as it says. */
  readonly maxRuns: number | null;
}

/** What came of it. */
export interface JobAnswer {
  /** What failed first; null when nothing did. */
  readonly failure: string | null;
  /** It failed outside a test, perhaps by something an earlier job has left behind. */
  readonly isLoose: boolean;
  readonly tookMs: number;
}

const MAX_SAID = 300;
const TEST_API = new URL("test-api.ts", import.meta.url).href;

/** TypeScript without its types, by path. */
const stripped = new Map<string, string>();

let jobs = 0;
let current: Job = { mutated: null, tests: [], maxRuns: null };
/** Ends the present job from outside its tests. */
let fail: ((said: string) => void) | null = null;

function read(path: string): string {
  if (path === current.mutated?.file)
    return stripTypeScriptTypes(current.mutated.text, { mode: "strip" });
  const known = stripped.get(path) ?? stripTypeScriptTypes(readFileSync(path, "utf8"));
  stripped.set(path, known);
  return path.endsWith(".test.ts") ? withFewerRuns(known) : known;
}

function withFewerRuns(text: string): string {
  const { maxRuns } = current;
  if (maxRuns === null) return text;
  return text.replaceAll(/numRuns: ([\d_]+)/g, (_all, runs: string) => {
    return `numRuns: ${Math.min(Number(runs.replaceAll("_", "")), maxRuns)}`;
  });
}

function listen(): void {
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === "vitest") return { url: TEST_API, shortCircuit: true };
      const found = next(specifier, context);
      const isOurs = found.url.startsWith("file:") && !found.url.includes("/node_modules/");
      return isOurs ? { ...found, url: `${found.url.split("?")[0]}?job=${jobs}` } : found;
    },
    load: (at, context, next) => {
      const [url = "", job] = at.split("?job=");
      if (job === undefined || !url.endsWith(".ts")) return next(at, context);
      return { format: "module", source: read(fileURLToPath(url)), shortCircuit: true };
    },
  });
}

/** The first failure of the tests, or null. */
async function run({ tests }: Job): Promise<string | null> {
  for (const file of tests) {
    try {
      await import(`${pathToFileURL(file).href}?job=${jobs}`);
    } catch (error) {
      takeTests();
      takeBefore();
      return `${file}: ${String(error).slice(0, MAX_SAID)}`;
    }
    const collected = takeTests();
    if (collected.length === 0) return `${file} has no tests.`;
    for (const work of takeBefore()) await work();
    for (const { name, work } of collected) {
      try {
        await work();
      } catch (error) {
        return `${file}: ${name}: ${String(error).slice(0, MAX_SAID)}`;
      }
    }
  }
  return null;
}

async function answer(job: Job): Promise<JobAnswer> {
  jobs += 1;
  current = job;
  const startedAt = performance.now();
  const loose = Promise.withResolvers<string>();
  fail = loose.resolve;
  const ended = run(job).then((failure) => ({ failure, isLoose: false }));
  const failed = loose.promise.then((failure) => ({ failure, isLoose: true }));
  // A mutant may leave a rejection unhandled; it is told before the next turn of the event loop.
  const settled = ended.then((end) => new Promise<typeof end>((then) => setImmediate(then, end)));
  const first = await Promise.race([settled, failed]);
  fail = null;
  return { ...first, tookMs: performance.now() - startedAt };
}

async function tell(job: Job): Promise<void> {
  const told = await answer(job);
  process.channel?.ref();
  process.send?.(told);
}

function onLoose(error: unknown): void {
  fail?.(`outside a test: ${String(error).slice(0, MAX_SAID)}`);
}

listen();
// Looking for the smallest counterexample takes longer than finding one.
configureGlobal({ endOnFailure: true });
process.on("unhandledRejection", onLoose);
process.on("uncaughtException", onLoose);
process.on("beforeExit", () => {
  process.channel?.ref();
  fail?.("waits for what never comes");
});
process.on("message", (message) => {
  const job: Job = JSON.parse(String(message));
  // While a test runs only its own business keeps the process alive.
  process.channel?.unref();
  void tell(job);
});
