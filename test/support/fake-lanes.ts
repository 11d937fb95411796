/** Lanes for tests: each call does what its script says, and the pool remembers what was in flight. */

import type { CallOutcome } from "../../src/contract/run.ts";
import type { Lane, LanePool, PlannedCall } from "../../src/orchestration/ports.ts";
import type { FakeClock } from "../../src/library/testing/fake-clock.ts";

/** What a lane does with one call. */
export interface CallScript {
  readonly durationMs: number;
  readonly outcome: CallOutcome;
  /** How it takes an abort: reports at once (default), ignores it, or reports something else after a while. */
  readonly onAbort?:
    | "report"
    | "ignore"
    | { readonly afterMs: number; readonly outcome: CallOutcome };
  /** Rejects instead of reporting. */
  readonly breaks?: boolean;
}

/** One observed start. */
export interface ObservedStart {
  readonly id: string;
  readonly tool: string;
  readonly atMs: number;
  readonly timeoutMs: number;
  readonly lane: number;
}

/** A successful outcome. */
export function succeeded(output: unknown = {}): CallOutcome {
  return { status: "succeeded", outputJson: JSON.stringify(output), cache: "miss", attempts: 1 };
}

/** A failed outcome. */
export const FAILED: CallOutcome = {
  status: "failed",
  error: { code: "upstream_status", message: "The tool answered 500." },
  cache: "miss",
  attempts: 1,
};

/** A planned call with defaults. */
export function plannedCall(id: string, changes: Partial<PlannedCall> = {}): PlannedCall {
  return {
    id,
    tool: "tool",
    arguments: {},
    effect: "read",
    timeoutMs: 10_000,
    maxParallel: null,
    ...changes,
  };
}

/** A pool of `slots`-slot lanes driven by a fake clock. */
export class FakeLanes implements LanePool {
  readonly starts: ObservedStart[] = [];
  /** Every call as it was made. */
  readonly made: PlannedCall[] = [];
  readonly aborted: string[] = [];
  readonly asked: number[] = [];
  closed = 0;
  inFlight = 0;
  maxInFlight = 0;
  readonly maxInFlightByTool = new Map<string, number>();
  readonly maxInFlightByLane = new Map<number, number>();
  readonly #inFlightByKey = new Map<string, number>();
  readonly #lanes: Lane[] = [];
  readonly #clock: FakeClock;
  readonly #script: (call: PlannedCall) => CallScript;
  readonly #slots: number;

  constructor(clock: FakeClock, script: (call: PlannedCall) => CallScript, slots = 5) {
    this.#clock = clock;
    this.#script = script;
    this.#slots = slots;
  }

  lanes(calls: number): readonly Lane[] {
    this.asked.push(calls);
    while (this.#lanes.length * this.#slots < calls) {
      const index = this.#lanes.length;
      this.#lanes.push({
        slots: this.#slots,
        run: (call, timeoutMs, signal) => this.#run(index, call, timeoutMs, signal),
      });
    }
    return this.#lanes;
  }

  /** Calls of one tool in flight now. */
  inFlightOf(tool: string): number {
    return this.#inFlightByKey.get(`tool:${tool}`) ?? 0;
  }

  close(): void {
    this.closed += 1;
  }

  async #run(
    lane: number,
    call: PlannedCall,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CallOutcome> {
    const script = this.#script(call);
    this.made.push(call);
    this.starts.push({ id: call.id, tool: call.tool, atMs: this.#clock.now(), timeoutMs, lane });
    this.#count(lane, call.tool, 1);
    try {
      return await this.#work(script, call, timeoutMs, signal);
    } finally {
      this.#count(lane, call.tool, -1);
    }
  }

  async #work(
    script: CallScript,
    call: PlannedCall,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CallOutcome> {
    const onAbort = script.onAbort ?? "report";
    const ignored = new AbortController().signal;
    const isTooSlow = onAbort === "report" && script.durationMs > timeoutMs;
    await this.#clock.sleep(
      isTooSlow ? timeoutMs : script.durationMs,
      onAbort === "ignore" ? ignored : signal,
    );
    if (signal.aborted) this.aborted.push(call.id);
    if (script.breaks === true) throw new Error("The lane broke.");
    if (signal.aborted && typeof onAbort === "object") {
      await this.#clock.sleep(onAbort.afterMs, ignored);
      return onAbort.outcome;
    }
    if (signal.aborted && onAbort === "report") {
      return {
        status: "cancelled",
        error: { code: "cancelled", message: "Aborted." },
        cache: "miss",
        attempts: 1,
      };
    }
    if (isTooSlow) {
      return {
        status: "timeout",
        error: { code: "tool_timeout", message: "Too slow." },
        cache: "miss",
        attempts: 1,
      };
    }
    return script.outcome;
  }

  #count(lane: number, tool: string, change: 1 | -1): void {
    this.inFlight += change;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    const ofTool = this.#add(`tool:${tool}`, change);
    this.maxInFlightByTool.set(tool, Math.max(this.maxInFlightByTool.get(tool) ?? 0, ofTool));
    const ofLane = this.#add(`lane:${lane}`, change);
    this.maxInFlightByLane.set(lane, Math.max(this.maxInFlightByLane.get(lane) ?? 0, ofLane));
  }

  #add(key: string, change: 1 | -1): number {
    const next = (this.#inFlightByKey.get(key) ?? 0) + change;
    this.#inFlightByKey.set(key, next);
    return next;
  }
}
