/** What must hold of a run of calls over all its lives, looked up in its trace afterwards. */

import type { CallResult } from "../../src/contract/run.ts";
import type { LivedCalls } from "./live-calls.ts";
import type { CallsWorld } from "./calls-world.ts";
import type { Observed, Trace } from "./trace.ts";

type Sent = Extract<Observed, { kind: "sent" }>;

/** Checks everything. */
export function checkCalls(world: CallsWorld, trace: Trace, lived: LivedCalls): void {
  checkNeeds(world, trace);
  checkDeadline(trace, lived.deadlineAtMs);
  checkCancels(world, trace);
  if (lived.report === null) return;
  const results = new Map(lived.report.results.map((result) => [result.id, result]));
  checkWrites(world, trace, results);
  checkLost(world, trace, lived, results);
}

function checkNeeds({ calls }: CallsWorld, trace: Trace): void {
  const needsOf = new Map(calls.map(({ id, needs }) => [id, needs ?? []]));
  const succeeded = new Set<string>();
  const answers = new Map<number, Sent>();
  let life = 0;
  for (const each of trace.observed) {
    if (each.life !== life) succeeded.clear();
    life = each.life;
    if (each.kind === "settled" && each.status === "succeeded") succeeded.add(each.id);
    if (each.kind === "sent") answers.set(each.serial, each);
    if (each.kind !== "started") continue;
    const { id, arguments: values } = each.call;
    const needs = needsOf.get(id) ?? [];
    const hasAll = needs.every((need) => succeeded.has(need));
    const hasValues = needs.every((_need, at) => answers.has(Number(values[`x${at}`])));
    trace.demand(
      "a call starts only when what it needs has succeeded, and with its results",
      hasAll && hasValues,
      () => `${id} with ${JSON.stringify(values)} needs ${needs.join()}`,
    );
  }
}

/** Nothing at the deadline or after it, and nothing after the end. */
function checkDeadline(trace: Trace, deadlineAtMs: number): void {
  const end = trace.observed.findLastIndex(({ kind }) => kind === "ended");
  for (const [index, each] of trace.observed.entries()) {
    if (each.kind !== "sent") continue;
    trace.demand(
      "nothing is sent after the deadline",
      each.atMs < deadlineAtMs,
      () => `${each.call.id} at ${each.atMs}, deadline ${deadlineAtMs}`,
    );
    trace.demand(
      "nothing is open after the end",
      end === -1 || index < end,
      () => `${each.call.id} was sent after the end`,
    );
  }
}

function checkCancels({ calls }: CallsWorld, trace: Trace): void {
  const branchOf = new Map(calls.map(({ id, branch }) => [id, branch]));
  const cancelled = new Set<string>();
  let isOver = false;
  for (const each of trace.observed) {
    if (each.kind === "cancelled" && each.calls === null) isOver = true;
    if (each.kind === "cancelled") for (const call of each.calls ?? []) cancelled.add(call);
    if (each.kind === "reset")
      for (const id of cancelled) if (branchOf.get(id) === each.branch) cancelled.delete(id);
    if (each.kind !== "sent") continue;
    trace.demand(
      "what is cancelled is not sent and does not succeed",
      !isOver && !cancelled.has(each.call.id),
      () => `${each.call.id} was sent in life ${each.life}`,
    );
  }
}

function checkWrites(
  { calls }: CallsWorld,
  trace: Trace,
  results: ReadonlyMap<string, CallResult>,
): void {
  const answered = new Map(trace.all("answered").map(({ serial, status }) => [serial, status]));
  const owners = new Map<string, string>();
  for (const { id, effect } of calls) {
    const sent = trace.all("sent").filter(({ call }) => call.id === id);
    const status = results.get(id)?.status ?? "nothing";
    if (effect === "write") {
      trace.demand("a write is sent at most once", sent.length <= 1, () => `${id}, ${sent.length}`);
      const isAnswer = sent.some(({ serial }) => answered.get(serial) === status);
      trace.demand(
        "a write that may have happened says so",
        sent.length === 0 || status === "outcome_unknown" || isAnswer,
        () => `${id} ended as ${status}`,
      );
    }
    if (effect !== "idempotent_write") continue;
    const keys = new Set(sent.map(({ call }) => call.idempotencyKey ?? ""));
    trace.demand("an idempotent write keeps its key", keys.size <= 1, () => id);
    for (const key of keys) {
      const owner = owners.get(key) ?? id;
      owners.set(key, owner);
      trace.demand("an idempotent write keeps its key", owner === id && key !== "", () => id);
    }
  }
}

/**
 * A result that was stored, or told to a reader, is still the call's result in the last life; but for calls of a branch
 * that lost to another meanwhile, which the run has no use for.
 */
function checkLost(
  { calls }: CallsWorld,
  trace: Trace,
  { lines, report }: LivedCalls,
  results: ReadonlyMap<string, CallResult>,
): void {
  const senders = new Map(trace.all("sent").map(({ serial, call }) => [serial, call.id]));
  const branchOf = new Map(calls.map(({ id, branch }) => [id, branch ?? ""]));
  const demand = (id: string, outputJson: string): void => {
    const result = results.get(id);
    const branch = report?.branches?.[branchOf.get(id) ?? ""]?.status;
    trace.demand(
      "a finished result is never lost",
      result?.outputJson === outputJson || branch === "lost" || branch === "cut",
      () => `${id} was ${outputJson} and is ${result?.status ?? ""} ${result?.outputJson ?? ""}`,
    );
  };
  for (const line of lines) {
    if (line.kind === "told" && line.event.type === "call.completed") {
      const { id, outputJson = "" } = line.event.result;
      if (branchOf.has(id)) demand(id, outputJson);
    }
    if (line.kind !== "call" || line.outcome?.outputJson === undefined) continue;
    const { serial }: { serial: number } = JSON.parse(line.outcome.outputJson);
    const id = senders.get(serial) ?? "";
    if (branchOf.has(id)) demand(id, line.outcome.outputJson);
  }
}
