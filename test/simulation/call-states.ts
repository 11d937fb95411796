/**
 * What each call of one life is, told by the events alone: queued, then perhaps started, then ended, once; only a reset
 * opens a call again. From it follows which calls could be running.
 */

import type { CallResult, RunEvent, RunReport } from "../../src/contract/run.ts";
import type { CallsWorld } from "./calls-world.ts";
import { capsOn } from "./lane-watch.ts";
import type { Trace } from "./trace.ts";

type Phase = "queued" | "started" | "ended";

const STATUSES: ReadonlySet<string> = new Set([
  "succeeded",
  "failed",
  "timeout",
  "cancelled",
  "rate_limited",
  "skipped",
  "outcome_unknown",
]);

/** Which event says that a call ended so. */
function endingOf(status: string): string {
  if (status === "succeeded") return "call.completed";
  return status === "cancelled" ? "call.cancelled" : "call.failed";
}

/** The calls of one life. */
export class CallStates {
  /** Resets so far; each may open ended calls again. */
  resets = 0;
  isCancelled = false;
  readonly #world: CallsWorld;
  readonly #trace: Trace;
  readonly #phases = new Map<string, Phase>();
  readonly #ends = new Map<string, CallResult>();
  readonly #types: string[] = [];

  constructor(world: CallsWorld, trace: Trace) {
    this.#world = world;
    this.#trace = trace;
  }

  /** Takes what the run says. */
  take(event: RunEvent): void {
    this.#types.push(event.type);
    switch (event.type) {
      case "call.queued":
        return this.#move(event.id, "queued", [undefined, ...(this.resets > 0 ? ENDED : [])]);
      case "call.started":
        return this.#move(event.id, "started", ["queued"]);
      case "call.progress":
        return this.#once(this.#phases.get(event.id) === "started", `${event.id} goes on`);
      case "call.completed":
      case "call.failed":
      case "call.cancelled": {
        const { result } = event;
        this.#ends.set(result.id, result);
        this.#once(
          STATUSES.has(result.status) && endingOf(result.status) === event.type,
          `${result.id} ended as ${result.status} in ${event.type}`,
        );
        return this.#move(result.id, "ended", ["queued", "started"]);
      }
      case "run.created":
      case "run.completed":
      case "run.failed":
        return undefined;
    }
  }

  /** The run has ended; `report` is its last word. */
  ended(report: RunReport | null): void {
    if (report === null) return;
    const { calls, branches } = this.#world;
    const hasAggregator = branches.aggregate === "collect";
    const wanted = calls.map(({ id }) => id);
    const ids = report.results.map(({ id }) => id);
    this.#trace.demand(
      "results stand in the caller's order",
      JSON.stringify(ids.slice(0, wanted.length)) === JSON.stringify(wanted) &&
        ids.length === wanted.length + (hasAggregator ? 1 : 0),
      () => ids.join(),
    );
    for (const { id, status } of report.results)
      this.#once(
        this.#ends.get(id)?.status === status,
        `${id} is reported as ${status} and ended as ${this.#ends.get(id)?.status ?? "nothing"}`,
      );
    const isFramed =
      this.#types[0] === "run.created" &&
      this.#types.at(-1) === "run.completed" &&
      this.#types.filter((type) => type.startsWith("run.")).length === 2;
    this.#once(isFramed, "the run's own events are out of place");
  }

  /** A call that waits although all it needs has succeeded and no cap is in its way; null when there is none. */
  couldStart(): string | null {
    const { calls, maxParallel, mode } = this.#world;
    const flying = [...this.#phases].flatMap(([id, phase]) => (phase === "started" ? [id] : []));
    if (flying.length >= (mode === "sequential" ? 1 : maxParallel)) return null;
    const flyingCalls = calls.filter(({ id }) => flying.includes(id));
    for (const call of calls) {
      if (this.#phases.get(call.id) !== "queued") continue;
      const isReady = (call.needs ?? []).every(
        (need) => this.#ends.get(need)?.status === "succeeded",
      );
      const isCapped = [...capsOn(call, this.#world)].some(
        ([name, limit]) =>
          flyingCalls.filter((each) => capsOn(each, this.#world).has(name)).length >= limit,
      );
      if (isReady && !isCapped) return call.id;
    }
    return null;
  }

  #move(id: string, to: Phase, from: readonly (Phase | undefined)[]): void {
    const phase = this.#phases.get(id);
    this.#once(from.includes(phase), `${id} was ${phase ?? "unknown"} and is ${to}`);
    this.#phases.set(id, to);
    if (to === "queued") this.#ends.delete(id);
  }

  #once(holds: boolean, what: string): void {
    this.#trace.demand("every call ends once", holds, () => what);
  }
}

const ENDED: readonly Phase[] = ["ended"];
