/**
 * `npm run check:deploy`: builds every deployed environment without sending it anywhere; wrangler's warnings count.
 *
 * The router is the exception: wrangler warns of every binding of the top level that it lacks, and it must lack them all
 * (`npm run check:config` sees to that).
 */

import { spawnSync } from "node:child_process";

import { DEPLOYED } from "./config-rules.ts";

let failed = 0;
for (const name of DEPLOYED) {
  const options = ["deploy", "--dry-run", "--minify", "--env", name, "--outdir", `dist/${name}`];
  const run = spawnSync("wrangler", options, { encoding: "utf8" });
  const output = `${run.stdout}${run.stderr}`;
  const passed = run.status === 0 && (name === "global" || !output.includes("WARNING"));
  if (!passed) {
    failed += 1;
    console.error(output);
  }
  console.log(`${name}: ${passed ? "builds" : "fails"}`);
}
process.exit(failed === 0 ? 0 : 1);
