/**
 * The result of a benchmark: rows with a value, a unit and perhaps a bar; printed as a table and kept as JSON in
 * `bench/results/`. `docs/claims.md` is generated from those files, so a figure exists only if a run wrote it.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";

/** One figure. */
export interface BenchRow {
  /** What was done, e.g. `W1 web search, 5 calls × 468 ms`. */
  readonly case: string;
  /** What was measured, e.g. `speed-up, fan-out`. */
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** What the value must be: `<= 2`, `>= 4.8` or `== 0`. */
  readonly bar?: string;
  /** Whether it is; present exactly when `bar` is. */
  readonly ok?: boolean;
}

/** One benchmark's run. */
export interface BenchResult {
  readonly name: string;
  /** Commit the code was at; `+` when files differed from it. */
  readonly revision: string;
  readonly machine: string;
  readonly seed: number;
  readonly rows: readonly BenchRow[];
}

const BAR = /^(<=|>=|==) (-?\d+(?:\.\d+)?)$/;

/** Whether `value` meets `bar`. A bar that cannot be read is met by nothing. */
export function meets(value: number, bar: string): boolean {
  const [, relation, text] = BAR.exec(bar) ?? [];
  if (relation === undefined || text === undefined || !Number.isFinite(value)) return false;
  const limit = Number(text);
  if (relation === "<=") return value <= limit;
  return relation === ">=" ? value >= limit : value === limit;
}

/** A row, judged when it has a bar. Values keep three significant decimals, so files do not churn. */
export function row(
  subject: string,
  metric: string,
  value: number,
  unit: string,
  bar?: string,
): BenchRow {
  const rounded = Math.round(value * 1000) / 1000;
  const base = { case: subject, metric, value: rounded, unit };
  return bar === undefined ? base : { ...base, bar, ok: meets(rounded, bar) };
}

function git(...options: string[]): string {
  return execFileSync("git", options, { encoding: "utf8" }).trim();
}

/** The commit the tree is at, with a `+` when code differs from it. */
export function revision(): string {
  const changed = git(
    "status",
    "--porcelain",
    "--",
    "src",
    "durable-objects",
    "dev",
    "bench",
    "wrangler.toml",
    "package-lock.json",
  );
  const code = changed
    .split("\n")
    .filter((line) => line !== "" && !line.includes("bench/results/"));
  return `${git("rev-parse", "--short=12", "HEAD")}${code.length > 0 ? "+" : ""}`;
}

/** The machine in a few words, without its name. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown";
  return `${cpus().length} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.versions.node}`;
}

/** The rows as text, one a line, columns aligned. */
export function table(rows: readonly BenchRow[]): string {
  const cells = rows.map((line) => [
    line.case,
    line.metric,
    `${line.value} ${line.unit}`,
    line.bar ?? "",
    line.ok === undefined ? "" : line.ok ? "ok" : "MISSED",
  ]);
  const header = ["case", "metric", "value", "bar", ""];
  const widths = header.map((word, column) =>
    Math.max(word.length, ...cells.map((cell) => cell[column]?.length ?? 0)),
  );
  return [header, ...cells]
    .map((cell) =>
      cell
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Prints the table and, unless `keep` is false, writes `bench/results/<name>.json`. True when every bar was met. */
export function publish(
  name: string,
  seed: number,
  rows: readonly BenchRow[],
  keep: boolean,
): boolean {
  const result: BenchResult = { name, revision: revision(), machine: machine(), seed, rows };
  console.log(`\n${name} at ${result.revision} on ${result.machine}\n\n${table(rows)}\n`);
  if (keep) {
    mkdirSync("bench/results", { recursive: true });
    writeFileSync(`bench/results/${name}.json`, `${JSON.stringify(result, null, 2)}\n`);
  }
  return rows.every((line) => line.ok !== false);
}
