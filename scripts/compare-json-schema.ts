/**
 * Compares the two JSON Schema validators that need no eval, for docs/decisions/json-schema.md.
 *
 * Correctness on `json-schema-cases.ts` and on the function schemas and recorded answers of the Berkeley function calling
 * data set beside the repository (left out with a message when it is absent), bundle size with esbuild, and time. The
 * package that was not chosen is no dependency; the script says how to install it for a moment.
 */

import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gzipSync } from "node:zlib";

import { Validator } from "@cfworker/json-schema";

import type { SchemaCase } from "./json-schema-case.ts";
import { SCHEMA_CASES } from "./json-schema-cases.ts";

/** One contender: compiles a schema and says whether a value is valid. */
interface Contender {
  readonly name: string;
  readonly entry: string;
  readonly compile: (schema: object) => (value: unknown) => boolean;
}

const DATA = resolve(import.meta.dirname, "../../shared/data/bfcl");
const ROUNDS = 200;

/** The data set writes Python's names of types. */
const TYPES: Readonly<Record<string, string>> = { dict: "object", float: "number", tuple: "array" };

const cabidela = await importExtra("@cloudflare/cabidela");
const esbuild = await importExtra("esbuild");
if (!hasCabidela(cabidela) || !hasBuild(esbuild)) {
  console.error("First: npm install --no-save @cloudflare/cabidela@0.2.4 esbuild");
  process.exit(1);
}
const { Cabidela } = cabidela;
const { build } = esbuild;

const CONTENDERS: readonly Contender[] = [
  {
    name: "@cloudflare/cabidela 0.2.4",
    entry: `import { Cabidela } from "@cloudflare/cabidela"; export default Cabidela;`,
    compile(schema) {
      // It deletes $defs from the schema it is given.
      const judge = new Cabidela(structuredClone(schema));
      return (value) => {
        try {
          judge.validate(value);
          return true;
        } catch {
          return false;
        }
      };
    },
  },
  {
    name: "@cfworker/json-schema 4.1.6",
    entry: `import { dereference, validate } from "@cfworker/json-schema"; export default { dereference, validate };`,
    compile(schema) {
      const judge = new Validator(structuredClone(schema), "2019-09");
      return (value) => judge.validate(value).valid;
    },
  },
];

const recorded = existsSync(DATA) ? readRecordedCalls() : null;
if (recorded === null) console.error("No ../shared/data/bfcl: its rows are left out.");

console.log(`| measure | ${CONTENDERS.map((contender) => contender.name).join(" | ")} |`);
console.log(`| --- | ${CONTENDERS.map(() => "---").join(" | ")} |`);
row("right verdicts on tricky schemas", (contender) => score(contender, SCHEMA_CASES));
row("wrong: accepts what is invalid", (contender) => mistakes(contender, SCHEMA_CASES, false));
row("wrong: refuses what is valid", (contender) => mistakes(contender, SCHEMA_CASES, true));
if (recorded !== null)
  row("right verdicts on recorded calls", (contender) => score(contender, recorded));
const sizes = await Promise.all(CONTENDERS.map(bundleSize));
console.log(`| bundle, minified / gzip | ${sizes.join(" | ")} |`);
row("µs a valid call, compiled once", (contender) => time(contender, recorded ?? SCHEMA_CASES));

if (process.argv.includes("--verbose")) {
  for (const contender of CONTENDERS) {
    for (const { name, value, valid } of [...SCHEMA_CASES, ...(recorded ?? [])].filter(
      (one) => !isRight(contender, one),
    )) {
      console.log(
        `${contender.name}: ${name}: ${valid ? "refuses" : "accepts"} ${JSON.stringify(value)}`,
      );
    }
  }
}

/** A package that is no dependency of the project, or null. */
async function importExtra(name: string): Promise<unknown> {
  return import(name).catch(() => null);
}

interface WithCabidela {
  readonly Cabidela: new (schema: object) => { validate(value: unknown): unknown };
}

interface WithBuild {
  readonly build: (
    options: object,
  ) => Promise<{ outputFiles: readonly { contents: Uint8Array }[] }>;
}

function hasCabidela(module: unknown): module is WithCabidela {
  return isObject(module) && typeof module["Cabidela"] === "function";
}

function hasBuild(module: unknown): module is WithBuild {
  return isObject(module) && typeof module["build"] === "function";
}

function row(measure: string, figure: (contender: Contender) => string | number): void {
  console.log(`| ${measure} | ${CONTENDERS.map(figure).join(" | ")} |`);
}

function isRight(contender: Contender, { schema, value, valid }: SchemaCase): boolean {
  try {
    return contender.compile(schema)(value) === valid;
  } catch {
    return false;
  }
}

function score(contender: Contender, table: readonly SchemaCase[]): string {
  const right = table.filter((one) => isRight(contender, one)).length;
  return `${right} of ${table.length}`;
}

function mistakes(contender: Contender, table: readonly SchemaCase[], valid: boolean): number {
  return table.filter((one) => one.valid === valid && !isRight(contender, one)).length;
}

async function bundleSize({ entry }: Contender): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: entry, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
  });
  const bytes = outputFiles[0]?.contents ?? new Uint8Array();
  return `${kib(bytes.length)} / ${kib(gzipSync(bytes, { level: 9 }).length)} KiB`;
}

function kib(bytes: number): string {
  return (bytes / 1024).toFixed(1);
}

function time(contender: Contender, table: readonly SchemaCase[]): string {
  const judged = table
    .filter((one) => one.valid && CONTENDERS.every((other) => isRight(other, one)))
    .map(({ schema, value }) => ({ judge: contender.compile(schema), value }));
  const runs = Array.from({ length: 5 }, () => {
    const started = performance.now();
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { judge, value } of judged) judge(value);
    }
    return (1000 * (performance.now() - started)) / (ROUNDS * judged.length);
  });
  return Math.min(...runs).toFixed(2);
}

/** Each function of the data set with its recorded arguments, and the same arguments with one of the wrong type. */
function readRecordedCalls(): SchemaCase[] {
  return ["multiple", "parallel", "parallel_multiple"].flatMap((name) => {
    const answers = new Map(
      readLines(`${name}.answers.jsonl`).map((line) => [line["id"], line["ground_truth"]]),
    );
    return readLines(`${name}.jsonl`).flatMap((line) => {
      const schemas = new Map(
        objects(line["function"]).map((one) => [one["name"], toJsonSchema(one["parameters"])]),
      );
      return objects(answers.get(line["id"])).flatMap((call) => callCases(call, schemas));
    });
  });
}

function callCases(
  call: Record<string, unknown>,
  schemas: ReadonlyMap<unknown, unknown>,
): SchemaCase[] {
  return Object.entries(call).flatMap(([name, accepted]) => {
    const schema = schemas.get(name);
    if (!isObject(schema) || !isObject(accepted)) return [];
    // Every argument lists its acceptable values; an empty string among them means that it may be left out.
    const value = Object.fromEntries(
      Object.entries(accepted).flatMap(([key, values]) => {
        const first: unknown = Array.isArray(values) ? values.find((one) => one !== "") : undefined;
        return first === undefined || isObject(first) || holdsObjects(first) ? [] : [[key, first]];
      }),
    );
    const required = Array.isArray(schema["required"]) ? schema["required"] : [];
    if (!required.every((key) => Object.hasOwn(value, String(key)))) return [];
    const [broken] = Object.keys(value);
    const right = { name, schema, value, valid: true };
    if (broken === undefined) return [right];
    return [right, { name, schema, value: { ...value, [broken]: { not: "this" } }, valid: false }];
  });
}

function holdsObjects(value: unknown): boolean {
  return Array.isArray(value) && value.some((item) => isObject(item) || holdsObjects(item));
}

function toJsonSchema(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toJsonSchema);
  if (!isObject(schema)) return schema;
  const entries = Object.entries(schema).flatMap(([key, value]) => {
    if (key === "type" && value === "any") return [];
    if (key === "type" && typeof value === "string") return [[key, TYPES[value] ?? value]];
    return [[key, key === "enum" || key === "default" ? value : toJsonSchema(value)]];
  });
  return Object.fromEntries(entries);
}

function readLines(file: string): Record<string, unknown>[] {
  return readFileSync(resolve(DATA, file), "utf8")
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line))
    .filter(isObject);
}

function objects(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
