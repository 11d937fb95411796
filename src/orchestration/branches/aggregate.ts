/**
 * Makes one value of a run's results.
 *
 * What counts: the output of the last call of each branch that has won its group or has none and succeeded, and of each
 * succeeded call that belongs to no branch, in call order. Nothing to choose from is said in the answer (`no_result`);
 * it never fails the run.
 */

import { mergeItems, type SourcedItem } from "../../algorithms/merge-items.ts";
import type { Aggregate, AggregateReport } from "../../contract/branch.ts";
import { canonicalJson, isJsonArray, type Json } from "../../platform/canonical-json.ts";
import { at, scoreOf, valueAt } from "./score.ts";

/** Items of one merge. */
export const MAX_MERGED_ITEMS = 10_000;

/** Conflicts listed of one merge. */
export const MAX_CONFLICTS = 1_000;

/** A result that may become the run's value. */
export interface Candidate {
  readonly call: string;
  readonly outputJson: string;
  /** Milliseconds since the run began. */
  readonly endedMs: number;
  /** Of its branch; null when it has none. */
  readonly score: number | null;
}

const WORDS: ReadonlySet<string> = new Set(["all", "first_success", "best", "merge"]);

/** The tool that is given all results, or null when the gateway itself makes the value. */
export function aggregateTool(aggregate: Aggregate): string | null {
  return typeof aggregate === "string" && !WORDS.has(aggregate) ? aggregate : null;
}

/** The value of `candidates`; null for `all` and for a tool, which is a call of its own. */
export function aggregateResults(
  aggregate: Aggregate,
  candidates: readonly Candidate[],
): AggregateReport | null {
  if (aggregate === "first_success")
    return chosen("first_success", candidates, ({ endedMs }) => -endedMs);
  if (aggregate === "best") return chosen("best", candidates, ({ score }) => score);
  if (aggregate === "merge") return merged(candidates, "#", null);
  if (typeof aggregate === "string") return null;
  if ("best" in aggregate) {
    const { score } = aggregate.best;
    return chosen("best", candidates, ({ outputJson }) => scoreOf(outputJson, score));
  }
  return merged(candidates, aggregate.merge.items ?? "#", aggregate.merge.key ?? null);
}

/** The candidate of the highest rank; of equals the first in call order. A null rank is out. */
function chosen(
  policy: "first_success" | "best",
  candidates: readonly Candidate[],
  rank: (candidate: Candidate) => number | null,
): AggregateReport {
  let best: { readonly candidate: Candidate; readonly rank: number } | null = null;
  for (const candidate of candidates) {
    const own = rank(candidate);
    if (own !== null && (best === null || own > best.rank)) best = { candidate, rank: own };
  }
  if (best === null) return { policy, error: NO_RESULT };
  return { policy, call: best.candidate.call, outputJson: best.candidate.outputJson };
}

const NO_RESULT = { code: "no_result", message: "No result qualifies." } as const;

function merged(
  candidates: readonly Candidate[],
  items: string,
  key: string | null,
): AggregateReport {
  const sources = candidates.flatMap(({ call, outputJson }) =>
    itemsAt(outputJson, items).map((item): SourcedItem => ({
      from: call,
      key: keyOf(item, key),
      item,
    })),
  );
  if (sources.length === 0) return { policy: "merge", error: NO_RESULT };
  if (sources.length > MAX_MERGED_ITEMS) {
    const message = `There are more than ${MAX_MERGED_ITEMS} items to merge.`;
    return { policy: "merge", error: { code: "result_too_large", message } };
  }
  const { items: list, conflicts } = mergeItems(sources, MAX_CONFLICTS);
  return { policy: "merge", outputJson: JSON.stringify(list), conflicts };
}

function itemsAt(outputJson: string, fragment: string): readonly Json[] {
  const value = valueAt(outputJson, fragment);
  if (value === undefined) return [];
  return isJsonArray(value) ? value : [value];
}

/** Without a key the whole item tells it from others; an item without the key's member equals nothing. */
function keyOf(item: Json, fragment: string | null): string | null {
  const value = fragment === null ? item : at(item, fragment);
  return value === undefined ? null : canonicalJson(value);
}
