/**
 * `node scripts/compare-openapi.ts`: what it costs a Worker to make `/openapi.json` from the schemas while it runs, or
 * to carry it ready-made. Prints a table: bundle, first response of a fresh runtime, first request for the document.
 * The figures in docs/decisions/openapi.md come from here.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { env, exit } from "node:process";
import { gzipSync } from "node:zlib";

import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";

/** Fresh runtimes of each variant, taken in turns so that a busy moment meets all of them. */
const ROUNDS = 15;
const FOLDER = "dist/compare-openapi";
const CONFIG = `${FOLDER}/wrangler.toml`;
const COMPATIBILITY_DATE = "2026-11-01";

/** A Worker that validates by the schemas, and how it comes to the document. */
const VARIANTS: Readonly<Record<string, string>> = {
  "no document": "",
  "at build time": `
    import document from "../../src/edge/openapi.generated.json";
    app.get("/openapi.json", (c) => c.json(document));`,
  "at run time": `
    import * as z from "zod/mini";
    app.get("/openapi.json", (c) => {
      const schemas = {};
      for (const { body } of ROUTE_TABLE) {
        if (body) schemas[body.name] = z.toJSONSchema(body.schema, { io: "input" });
      }
      return c.json({ openapi: "3.1.0", components: { schemas } });
    });`,
};

interface Measured {
  readonly script: string;
  readonly firstMs: number[];
  readonly documentMs: number[];
}

function build(name: string, source: string): Measured {
  const stem = `${FOLDER}/${name.replaceAll(" ", "-")}`;
  writeFileSync(
    `${stem}.ts`,
    `import { Hono } from "hono";
    import { ROUTE_TABLE } from "../../src/contract/route-table.ts";
    const app = new Hono().get("/healthz", (c) => c.json({ routes: ROUTE_TABLE.length }));
    ${source}
    export default app;`,
  );
  const built = spawnSync(
    "wrangler",
    [
      "deploy",
      `${stem}.ts`,
      "--config",
      CONFIG,
      "--dry-run",
      "--minify",
      "--outdir",
      `${stem}-out`,
    ],
    { encoding: "utf8" },
  );
  if (built.status !== 0) {
    console.error(`${built.stdout}${built.stderr}`);
    exit(1);
  }
  const script = readFileSync(`${stem}-out/${name.replaceAll(" ", "-")}.js`, "utf8");
  return { script, firstMs: [], documentMs: [] };
}

async function timed(url: URL): Promise<number> {
  const fromMs = performance.now();
  const response = await fetch(url);
  await response.text();
  return performance.now() - fromMs;
}

async function start({ script, firstMs, documentMs }: Measured): Promise<void> {
  const mf = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.ERROR),
      workers: [
        {
          name: "worker",
          modules: true,
          script,
          compatibilityDate: COMPATIBILITY_DATE,
          unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
        },
      ],
    }),
  );
  await mf.ready;
  const url = await mf.unsafeGetDirectURL("worker");
  firstMs.push(await timed(new URL("/healthz", url)));
  documentMs.push(await timed(new URL("/openapi.json", url)));
  await mf.dispose();
}

function median(values: readonly number[]): string {
  return (values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0).toFixed(1);
}

env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER, { recursive: true });
writeFileSync(CONFIG, `name = "compare"\ncompatibility_date = "${COMPATIBILITY_DATE}"\n`);
const measured = Object.entries(VARIANTS).map(([name, source]) => ({
  name,
  variant: build(name, source),
}));
for (let round = 0; round < ROUNDS; round++) {
  for (const { variant } of measured) await start(variant);
}
console.log("| document | bundle, KiB gzip | first response, ms | document, ms |");
console.log("| --- | --- | --- | --- |");
for (const { name, variant } of measured) {
  const kib = (gzipSync(variant.script).byteLength / 1024).toFixed(1);
  console.log(`| ${name} | ${kib} | ${median(variant.firstMs)} | ${median(variant.documentMs)} |`);
}
rmSync(FOLDER, { recursive: true, force: true });
