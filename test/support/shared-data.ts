/**
 * Reference data that lives beside the repository and is never copied into it. Tests run inside workerd, which has no
 * file system, so it is read here in Node and provided; a test that needs a missing part skips and says so.
 */

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";

/** One labelled URL of the egress corpus. */
export interface LabelledUrl {
  readonly input: string;
  readonly category: string;
  readonly expect: string;
}

/** What the tests may use; null where this machine does not have it. */
export interface SharedData {
  readonly egressUrls: readonly LabelledUrl[] | null;
  /** Every recorded answer by `folder/file`: chat completions, Responses, Open Responses, Messages. */
  readonly wireFixtures: Readonly<Record<string, string>> | null;
  /** Lines of recorded function calling tasks, each with a list `function` of `{name, parameters}`. */
  readonly functionTasks: readonly string[] | null;
}

declare module "vitest" {
  interface ProvidedContext {
    shared: SharedData;
  }
}

/** Reads whatever of `../shared/data` exists, seen from the repository's root. */
export function readSharedData(): SharedData {
  const root = resolve(import.meta.dirname, "../../../shared/data");
  const urls = join(root, "ssrf/ssrf-urls.jsonl");
  const fixtures = join(root, "wire-fixtures");
  const tasks = join(root, "bfcl/multiple.jsonl");
  return {
    functionTasks: existsSync(tasks) ? readLines(tasks) : null,
    egressUrls: existsSync(urls) ? readLines(urls).map(readLabelled) : null,
    wireFixtures: existsSync(fixtures) ? readTree(fixtures) : null,
  };
}

/** Files one folder deep, by `folder/file`. */
function readTree(root: string): Readonly<Record<string, string>> {
  const folders = readdirSync(root, { withFileTypes: true }).filter((one) => one.isDirectory());
  return Object.fromEntries(
    folders.flatMap(({ name: folder }) =>
      readdirSync(join(root, folder)).map((file) => [
        `${folder}/${file}`,
        readFileSync(join(root, folder, file), "utf8"),
      ]),
    ),
  );
}

function readLines(path: string): string[] {
  return readFileSync(path, "utf8").trim().split("\n");
}

function readLabelled(line: string): LabelledUrl {
  const row: unknown = JSON.parse(line);
  if (!isLabelled(row)) throw new Error(`Not a labelled URL: ${line}`);
  return { input: row.input, category: row.category, expect: row.expect };
}

function isLabelled(row: unknown): row is LabelledUrl {
  return (
    typeof row === "object" &&
    row !== null &&
    "input" in row &&
    "category" in row &&
    "expect" in row
  );
}
