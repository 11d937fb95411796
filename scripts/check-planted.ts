/**
 * `npm run check:planted`: proves that the guards bite. Plants every kind of fault in a copy of the layout and demands
 * that exactly the right rule refuses each, and that legal code passes; a guard that inspects nothing looks green too.
 *
 * The copy lives in the checkout, because the linter resolves packages from there, and is removed even on failure.
 */

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { importTableMarkdown } from "./import-table.ts";
import { plants, type Plant } from "./planted.ts";
import { sourceFaults } from "./source-rules.ts";

/** The generated types too: without them type-aware rules see nothing, and say nothing. */
const COPIED = [
  "oxlint.config.ts",
  "package.json",
  "tsconfig.json",
  "tsconfig.node.json",
  "worker-configuration.d.ts",
  "scripts/import-table.ts",
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

function isReport(value: unknown): value is { diagnostics: Diagnostic[] } {
  return (
    typeof value === "object" &&
    value !== null &&
    "diagnostics" in value &&
    Array.isArray(value.diagnostics)
  );
}

/** Lints the copy and returns the rules that fired, by file. */
function lint(folder: string): Map<string, Set<string>> {
  const options = ["src", "durable-objects", "test", "dev", "bench", "scripts", "--format", "json"];
  const run = spawnSync("oxlint", options, {
    cwd: folder,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
  const report: unknown = JSON.parse(run.stdout);
  if (!isReport(report)) throw new Error(`oxlint answered without diagnostics: ${run.stderr}`);
  const byFile = new Map<string, Set<string>>();
  for (const { code, filename } of report.diagnostics) {
    byFile.set(filename, (byFile.get(filename) ?? new Set()).add(code));
  }
  return byFile;
}

/** A sentence for a plant that was not judged as it should be, or null. */
function verdict(plant: Plant, fired: ReadonlySet<string>): string | null {
  if (plant.rule === null)
    return fired.size === 0
      ? null
      : `${plant.file}: legal code refused by ${[...fired].join(", ")}`;
  return fired.has(plant.rule)
    ? null
    : `${plant.file}: not refused by ${plant.rule} (fired: ${[...fired].join(", ") || "nothing"})`;
}

function checkLint(): { faults: string[]; planted: number; legal: number } {
  const folder = mkdtempSync(join(process.cwd(), "planted-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => process.exit(130));
  const all = plants();
  for (const path of COPIED) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(path, join(folder, path));
  }
  for (const plant of all) {
    mkdirSync(dirname(join(folder, plant.file)), { recursive: true });
    writeFileSync(join(folder, plant.file), plant.text);
  }
  const fired = lint(folder);
  remove();
  const faults = all.flatMap((plant) => verdict(plant, fired.get(plant.file) ?? new Set()) ?? []);
  const planted = all.filter((plant) => plant.rule !== null).length;
  return { faults, planted, legal: all.length - planted };
}

/** Sources that `check:source` must refuse, with a word of the refusal. */
const SOURCE_PLANTS: readonly [file: string, text: string, word: string][] = [
  ["src/contract/x.ts", "/** Header. */\n\nexport const Bare = 1;\n", "Bare"],
  ["src/algorithms/x.ts", "/** Header. */\n\nexport function bare(): void {}\n", "bare"],
  ["src/contract/x.ts", "/** Header. */\n\nexport interface Bare {}\n", "Bare"],
  [
    "src/contract/x.ts",
    "/** Header. */\n\n// Only a line comment.\nexport type Bare = string;\n",
    "Bare",
  ],
  ["src/tools/x.ts", "/** Header. */\n\nexport class Bare {}\n", "Bare"],
  ["src/tools/x.ts", "const value = 1;\n", "header"],
  ["src/contract/x.ts", '/** Header. */\n\nimport { z } from "zod/mini";\n', "zod"],
  ["src/tools/x.ts", "/** Header. */\n\n// oxlint-disable-next-line\n", "switched off"],
  ["src/tools/x.ts", "/** Header. */\n\n// TODO later\n", "TODO"],
];

function checkSource(): string[] {
  return SOURCE_PLANTS.flatMap(([file, text, word]) =>
    sourceFaults(file, text).some((fault) => fault.includes(word))
      ? []
      : [`${file}: ${JSON.stringify(text)} passed`],
  );
}

function checkTable(): string[] {
  const page = readFileSync("src/README.md", "utf8")
    .replaceAll(/[ \t]+/g, " ")
    .replaceAll(/\| -{3,} /g, "| --- ");
  return page.includes(importTableMarkdown())
    ? []
    : ["src/README.md does not show the table of scripts/import-table.ts"];
}

const { faults, planted, legal } = checkLint();
const all = [...faults, ...checkSource(), ...checkTable()];
for (const fault of all) console.error(fault);
console.log(
  `${planted + SOURCE_PLANTS.length} planted faults, ${legal} legal files, ${all.length} misjudged`,
);
process.exit(all.length === 0 ? 0 : 1);
