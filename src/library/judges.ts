/**
 * Scorers and aggregators as functions. To the run core they are tools like any other, so they are called under the run's
 * own caps, deadline and abort; here each becomes a tool of one run, under a name nobody else has.
 */

import type { Aggregate, Branch } from "../contract/branch.ts";
import type { CallStatus } from "../contract/run.ts";
import type { Json } from "../platform/canonical-json.ts";
import { type DefinedTool, defineTool, type HandlerContext } from "./define-tool.ts";

/** A call's result as a scorer or an aggregator is given it. */
export interface JudgedResult {
  readonly id: string;
  readonly tool: string;
  readonly status: CallStatus;
  /** Of a call that succeeded. */
  readonly output?: Json;
  readonly error?: { readonly code: string; readonly message: string };
  /** Only for aggregators: the branch it belongs to. */
  readonly branch?: string;
}

/** Says how good a branch is, the higher the better. It is given the results of its calls in call order. */
export type Scorer = (
  results: readonly JudgedResult[],
  context: HandlerContext,
) => number | Promise<number>;

/** Makes one value of all results of a run, in call order. What it returns goes out as JSON. */
export type Aggregator = (results: readonly JudgedResult[], context: HandlerContext) => unknown;

/** A branch of a run; docs/branches-and-chains.md says what each field does. */
export interface BranchOptions extends Omit<Branch, "score"> {
  /** `#/pointer` to a number in the output of its last call, the name of a tool, or a function. */
  readonly score?: string | Scorer;
}

/** What a run says about its branches. */
export interface JudgeOptions {
  readonly branches?: Readonly<Record<string, BranchOptions>>;
  readonly aggregate?: Aggregate | Aggregator;
}

/** The same with tools in place of functions, and those tools. `taken` are names that are not free. */
export function judgesOf(
  { branches = {}, aggregate = "all" }: JudgeOptions,
  taken: ReadonlySet<string>,
): {
  readonly branches: Readonly<Record<string, unknown>>;
  readonly aggregate: unknown;
  readonly tools: readonly DefinedTool[];
} {
  const names = new Map<Scorer | Aggregator, string>();
  const nameOf = (judge: Scorer | Aggregator, wish: string): string => {
    const known = names.get(judge);
    if (known !== undefined) return known;
    const used = new Set([...taken, ...names.values()]);
    let name = wish;
    for (let n = 2; used.has(name); n += 1) name = `${wish}_${n}`;
    names.set(judge, name);
    return name;
  };
  const named = Object.entries(branches).map(([branch, options]) => {
    const { score } = options;
    return [
      branch,
      typeof score === "function" ? { ...options, score: nameOf(score, "scorer") } : options,
    ];
  });
  const value = typeof aggregate === "function" ? nameOf(aggregate, "aggregator") : aggregate;
  return {
    branches: Object.fromEntries(named),
    aggregate: value,
    tools: [...names].map(([judge, name]) => judgeTool(name, judge)),
  };
}

/** Judging changes nothing in the world, and is done again for equal results only by mistake. */
function judgeTool(name: string, judge: Scorer | Aggregator): DefinedTool {
  return defineTool({
    name,
    description: "Judges results of this run.",
    input: { type: "object", properties: { results: { type: "array" } }, required: ["results"] },
    effect: "pure",
    timeoutMs: 300_000,
    handler: ({ results }, context) => judge(areResults(results) ? results : [], context),
  });
}

/** The run core itself wrote them; a list is all there is to see. */
function areResults(value: unknown): value is readonly JudgedResult[] {
  return Array.isArray(value);
}
