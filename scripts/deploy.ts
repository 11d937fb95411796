/**
 * `npm run deploy -- objects|us|eu|apac|global [--dry-run]`: one environment at a time, never a guess at which.
 *
 * The configuration check runs first. A real deployment is refused while the KV ids are the repository's placeholders;
 * `objects` goes last and alone, because every region depends on it (docs/deploy.md).
 */

import { spawnSync } from "node:child_process";

import { readEnvironment } from "./check-config.ts";
import { DEPLOYED, hasPlaceholder, type Deployed } from "./config-rules.ts";

/** What the command line asked for, or a sentence on what is wrong with it. */
export type DeployRequest =
  | { readonly environment: Deployed; readonly dryRun: boolean }
  | { readonly refusal: string };

/** Reads the command line: exactly one environment's name, and perhaps `--dry-run`. */
export function parseDeployRequest(words: readonly string[]): DeployRequest {
  const unknown = words.find((word) => word.startsWith("-") && word !== "--dry-run");
  if (unknown !== undefined) return { refusal: `unknown option ${unknown}` };
  const names = words.filter((word) => !word.startsWith("-"));
  const environment = DEPLOYED.find((name) => name === names[0]);
  if (names.length !== 1 || environment === undefined) {
    return { refusal: `usage: npm run deploy -- ${DEPLOYED.join("|")} [--dry-run]` };
  }
  return { environment, dryRun: words.includes("--dry-run") };
}

function run(command: string, options: readonly string[]): number {
  return spawnSync(command, options, { stdio: "inherit" }).status ?? 1;
}

function deploy(words: readonly string[]): number {
  const request = parseDeployRequest(words);
  if ("refusal" in request) {
    console.error(request.refusal);
    return 2;
  }
  const { environment, dryRun } = request;
  if (run(process.execPath, ["scripts/check-config.ts"]) !== 0) return 1;
  if (!dryRun && hasPlaceholder(readEnvironment(environment))) {
    console.error(
      `${environment}: wrangler.toml still holds a placeholder KV id; docs/deploy.md says how to make one`,
    );
    return 1;
  }
  const target = ["deploy", "--minify", "--env", environment];
  return run(
    "wrangler",
    dryRun ? [...target, "--dry-run", "--outdir", `dist/${environment}`] : target,
  );
}

if (import.meta.main) process.exit(deploy(process.argv.slice(2)));
