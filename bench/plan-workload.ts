/**
 * A workload with model calls as one plan: the model makes the calls of all stages in its first turn, each later one with
 * a value from the stage before it, and answers in its second. What it saves beside the staged form is the waiting of
 * every stage for the slowest call of the one before, and every model turn in between.
 */

import { textAt, type World } from "./world.ts";
import type { Stage, Workload } from "./workloads.ts";

/** One run of a plan. */
export interface PlanRun {
  readonly ms: number;
  /** Model turns it took. */
  readonly turns: number;
  /** Tool calls it made. */
  readonly calls: number;
}

interface ScriptedCall {
  readonly name: string;
  readonly label: string;
  readonly arguments: { readonly ms: number; readonly k: unknown; readonly n: number };
}

/** Runs the workload once as a chat completion of two turns. Throws when a call did not do what the plan says. */
export async function runAsPlan(world: World, workload: Workload): Promise<PlanRun> {
  const calls = workload.stages.flatMap((stage, index) => callsOf(workload.stages, stage, index));
  const script = JSON.stringify({
    turns: [
      { calls, delay_ms: workload.modelBeforeMs ?? 0 },
      { text: "{{results}}", delay_ms: workload.modelAfterMs ?? 0 },
    ],
  });
  const body = { model: "scripted", messages: [{ role: "user", content: `#script ${script}` }] };
  const startedAt = performance.now();
  const answer = await world.send("POST", "/v1/chat/completions", body);
  const ms = performance.now() - startedAt;
  textAt(answer, "object");
  if (/"error\\+"/.test(answer.text)) throw new Error(answer.text.slice(0, 500));
  return { ms, ...accountOf(answer.text) };
}

/** A stage's calls; those after the first stage take a value from one of the stage before. */
function callsOf(
  stages: readonly Stage[],
  { calls, ms }: Stage,
  index: number,
): readonly ScriptedCall[] {
  const before = stages[index - 1]?.calls ?? 0;
  return Array.from({ length: calls }, (_, n) => ({
    name: "sleep",
    label: `s${index}_${n}`,
    arguments: {
      ms,
      n,
      k: before === 0 ? "work" : { $tmpl: `after \${s${index - 1}_${n % before}#/ms}` },
    },
  }));
}

function accountOf(text: string): { turns: number; calls: number } {
  const { x_gw: account }: { x_gw?: { turns?: unknown; calls?: unknown } } = JSON.parse(text);
  return { turns: Number(account?.turns), calls: Number(account?.calls) };
}
