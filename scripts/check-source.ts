/** `npm run check:source`: applies source-rules.ts to every source file and lists what breaks them. */

import { globSync, readFileSync } from "node:fs";

import { sourceFaults } from "./source-rules.ts";

/** The rules themselves must name what they forbid. */
const NAMES_WHAT_IT_FORBIDS = ["scripts/source-rules.ts", "scripts/check-planted.ts"];

const files = globSync("{src,durable-objects,test,dev,bench,scripts,examples}/**/*.ts").filter(
  (file) => !NAMES_WHAT_IT_FORBIDS.includes(file),
);
const faults = files.flatMap((file) => sourceFaults(file, readFileSync(file, "utf8")));
for (const fault of faults) console.error(fault);
console.log(`${files.length} source files, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
