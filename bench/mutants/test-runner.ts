/**
 * Runs test files against one mutant, in a process of its own: `node test-runner.ts <job as JSON>`. Stops at the first
 * test that fails and says which; exits 0 when all passed, 1 when one failed. Properties are tried less often than in
 * the tests proper, from the same seeds.
 */

import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

import { takeBefore, takeTests } from "./test-api.ts";

/** What to run. */
export interface Job {
  /** Absolute path of the mutated file, and its text; null runs the sources as they are. */
  readonly mutated: { readonly file: string; readonly text: string } | null;
  /** Absolute paths, in the order they are run. */
  readonly tests: readonly string[];
}

/** Runs of a property. */
const MAX_PROPERTY_RUNS = 30;

function listen({ mutated }: Job): void {
  const url = mutated === null ? null : pathToFileURL(mutated.file).href;
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === "vitest"
        ? { url: new URL("test-api.ts", import.meta.url).href, shortCircuit: true }
        : next(specifier, context),
    load: (at, context, next) => {
      if (mutated !== null && at === url)
        return { format: "module-typescript", source: mutated.text, shortCircuit: true };
      if (!at.endsWith(".test.ts")) return next(at, context);
      const source = readFileSync(fileURLToPath(at), "utf8");
      const text = source.replaceAll(/numRuns: ([\d_]+)/g, (_all, runs: string) => {
        const wanted = Number(runs.replaceAll("_", ""));
        return `numRuns: ${Math.min(wanted, MAX_PROPERTY_RUNS)}`;
      });
      return { format: "module-typescript", source: text, shortCircuit: true };
    },
  });
}

async function run(job: Job): Promise<number> {
  listen(job);
  for (const file of job.tests) {
    await import(pathToFileURL(file).href);
    const tests = takeTests();
    if (tests.length === 0) throw new Error(`${file} has no tests.`);
    for (const work of takeBefore()) await work();
    for (const { name, work } of tests) {
      try {
        await work();
      } catch (error) {
        console.log(`${file}: ${name}: ${String(error).slice(0, 300)}`);
        return 1;
      }
    }
  }
  return 0;
}

const job: Job = JSON.parse(process.argv[2] ?? "{}");
// A mutant may leave a rejection unhandled; whatever ends the process that way is a failure too.
process.on("unhandledRejection", (error) => {
  console.log(`unhandled: ${String(error).slice(0, 300)}`);
  process.exit(1);
});
process.exit(await run(job));
