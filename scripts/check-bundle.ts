/**
 * `npm run check:bundle`: builds the Worker as it is deployed and fails when it is heavier than its budget. What is
 * bundled is parsed on every cold start, so weight is latency for somebody.
 */

import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/**
 * Compressed size of everything that is uploaded, KiB. The two SDKs of the Model Context Protocol are two fifths of it;
 * they are imported where they are first used, so an isolate that never meets them does not run them.
 */
const BUDGET_KIB = 400;
const FOLDER = "dist/bundle";

const build = spawnSync(
  "wrangler",
  ["deploy", "--dry-run", "--minify", "--env", "us", "--outdir", FOLDER],
  { encoding: "utf8" },
);
if (build.status !== 0) {
  console.error(`${build.stdout}${build.stderr}`);
  process.exit(1);
}
let rawBytes = 0;
let gzipBytes = 0;
for (const file of globSync(`${FOLDER}/**/*.{js,mjs,wasm}`)) {
  const content = readFileSync(file);
  rawBytes += content.byteLength;
  gzipBytes += gzipSync(content).byteLength;
}
const kib = gzipBytes / 1024;
console.log(
  `bundle: ${kib.toFixed(1)} KiB gzip (budget ${BUDGET_KIB} KiB), ${(rawBytes / 1024).toFixed(0)} KiB raw`,
);
process.exit(gzipBytes > 0 && kib <= BUDGET_KIB ? 0 : 1);
