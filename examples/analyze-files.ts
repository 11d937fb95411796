/**
 * Ten source files are analyzed at once and their figures added up, by one call of one tool: a chain that maps the code
 * analysis over the files and folds the results. Compare `sequential_ms` of the plain run below it, which makes the same
 * ten calls, with its `duration_ms`.
 *
 *     node examples/analyze-files.ts
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { access } from "./access.ts";

const { baseUrl, apiKey } = await access();

async function send(method: string, path: string, body: unknown): Promise<unknown> {
  const response = await fetch(baseUrl + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const ref = ($ref: string) => ({ $ref });

const folder = join(import.meta.dirname, "../src/contract");
const names = (await readdir(folder)).toSorted().slice(0, 10);
const files = await Promise.all(
  names.map(async (name) => ({ name, source: await readFile(join(folder, name), "utf8") })),
);

await send("PUT", "/v1/tools/analyze_files", {
  description: "Analyzes source files and adds up their lines",
  input: { type: "object", properties: { files: { type: "array" } }, required: ["files"] },
  effect: "pure",
  chain: {
    calls: [
      {
        id: "reports",
        tool: "analyze_code",
        map: { over: ref("input#/files"), max_parallel: 10 },
        arguments: { source: ref("item#/source"), language: "typescript" },
        on_failure: "skip",
      },
      {
        id: "lines",
        reduce: { over: ref("reports#"), tool: "calculate", initial: { result: 0 } },
        arguments: { expression: { $tmpl: "${acc#/result} + ${item#/lines}" } },
      },
    ],
    output: ref("lines#/result"),
  },
});

const chained = await send("POST", "/v1/runs", {
  calls: [{ id: "lines", tool: "analyze_files", arguments: { files } }],
});
const plain = await send("POST", "/v1/runs", {
  calls: files.map(({ name, source }) => ({
    id: name,
    tool: "analyze_code",
    arguments: { source, language: "typescript" },
  })),
  aggregate: { best: { score: "#/complexity" } },
});
const counted = files.reduce((sum, { source }) => sum + source.split("\n").length, 0);
process.stdout.write(`${JSON.stringify({ chained, plain, counted }, null, 2)}\n`);
