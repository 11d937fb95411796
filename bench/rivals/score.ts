/** What the contestants of a match did, call by call, and the rows that say so. */

import { row, type BenchRow } from "../report.ts";
import { mean, quantile } from "../statistics.ts";
import type { GoldPlan } from "./gold-plan.ts";
import { canonical, toolAnswer } from "./latency.ts";
import type { RunRecord } from "./model-server.ts";
import { noteOf } from "./tool-server.ts";

/** One plan played by one contestant. */
export interface Sample {
  /** Until all results were in, in played seconds. */
  readonly seconds: number;
  readonly record: RunRecord;
}

/** All that one contestant did. */
export interface Score {
  readonly samples: Sample[];
  /** Plans whose results never all came to the model. */
  unfinished: number;
  /** Requests the tools got. */
  issued: number;
  /** Calls of the plans that no tool got, or with other arguments. */
  missing: number;
  /** Requests the tools got beyond the plans' calls. */
  extra: number;
}

/** A score without anything in it. */
export function emptyScore(): Score {
  return { samples: [], unfinished: 0, issued: 0, missing: 0, extra: 0 };
}

/** Holds what the tools got in one round against the plans. */
export function countCalls(
  score: Score,
  plans: readonly GoldPlan[],
  seen: readonly string[],
): void {
  const counts = new Map<string, number>();
  for (const note of expectedCalls(plans)) counts.set(note, (counts.get(note) ?? 0) + 1);
  for (const note of seen) counts.set(note, (counts.get(note) ?? 0) - 1);
  score.issued += seen.length;
  for (const count of counts.values()) {
    if (count > 0) score.missing += count;
    else score.extra -= count;
  }
}

/** The calls of all plans with every reference resolved, as the tool server notes them. */
function expectedCalls(plans: readonly GoldPlan[]): readonly string[] {
  return plans.flatMap((plan) => {
    const results = new Map<string, Record<string, string>>();
    const outputs = new Map(plan.tools.map((tool) => [tool.name, tool.outputs]));
    return plan.calls.map((call) => {
      const resolved = Object.entries(call.references).map(([name, { label, path }]) => {
        const [member] = path;
        const result = results.get(label) ?? {};
        return [name, member === undefined ? result : result[member]];
      });
      const values = { ...call.literals, ...Object.fromEntries(resolved) };
      results.set(
        call.label,
        toolAnswer(call.tool, canonical(values), outputs.get(call.tool) ?? []),
      );
      return noteOf(call.tool, values);
    });
  });
}

/** Mean time until all results were in. */
export function meanSeconds({ samples }: Score): number {
  return mean(samples.map(({ seconds }) => seconds));
}

/** Requests beyond the plans' calls for each hundred of them. */
export function extraShare({ issued, extra }: Score): number {
  return (100 * extra) / Math.max(1, issued - extra);
}

/** The columns of one contestant. Only one that guesses or hedges may make requests the plan does not have. */
export function scoreRows(label: string, name: string, score: Score, mayAdd: boolean): BenchRow[] {
  const seconds = score.samples.map((sample) => sample.seconds);
  const average = (pick: (record: RunRecord) => number): number =>
    mean(score.samples.map(({ record }) => pick(record)));
  const column = (metric: string, value: number, unit: string, bar?: string): BenchRow =>
    row(label, `${name}: ${metric}`, value, unit, bar);
  return [
    column("mean time until all results are in", mean(seconds), "s"),
    column("p95", quantile(seconds, 0.95), "s"),
    column(
      "model turns",
      average(({ turns }) => turns),
      "turns",
    ),
    column("tool calls issued", score.issued / Math.max(1, score.samples.length), "calls"),
    column(
      "tokens read",
      average(({ tokens }) => tokens.in),
      "tokens",
    ),
    column(
      "tokens written",
      average(({ tokens }) => tokens.out),
      "tokens",
    ),
    column("plans without all results", score.unfinished, "plans", "== 0"),
    column("calls missing or wrong", score.missing, "calls", "== 0"),
    mayAdd
      ? column("extra calls", extraShare(score), "%", "<= 10")
      : column("extra calls", score.extra, "calls", "== 0"),
  ];
}
