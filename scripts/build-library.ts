/**
 * `npm run build:library`: makes of `src/library` what the package exports: ES modules for Node 20 and Workers, and their
 * types. The modules bring what they need of zod and the schema validator with them; the types refer to zod, which the
 * package depends on.
 *
 *     node scripts/build-library.ts [folder]     dist/library when absent
 */

import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";

import { build } from "esbuild";

const root = join(import.meta.dirname, "..");
const folder = process.argv[2] ?? join(root, "dist/library");

rmSync(folder, { recursive: true, force: true });

await build({
  absWorkingDir: root,
  entryPoints: {
    "toolformer-edge": "src/library/public.ts",
    testing: "src/library/testing/public.ts",
  },
  outdir: folder,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  target: ["node20"],
  // Two functions the Worker takes from its runtime came to Node only with version 22.
  define: { "Promise.withResolvers": "withResolvers", "URL.parse": "parseUrl" },
  inject: ["scripts/library-runtime.ts"],
  logLevel: "warning",
});

execFileSync(
  join(root, "node_modules/.bin/tsc"),
  ["-p", "tsconfig.library.json", "--outDir", join(folder, "types")],
  { cwd: root, stdio: "inherit" },
);
