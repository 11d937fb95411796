/**
 * Executes a batch of calls: as many at once as the caps allow, results in call order.
 *
 * Event-driven, without polling and without waves: whenever a slot becomes free the first call in order that its tool's
 * cap allows takes it, so a capped tool never holds up the others and no slot idles while a call could run. A call's
 * timeout starts with its slot.
 *
 * What fails: a failing call costs itself only. At the deadline, or when the signal aborts, nothing more starts, the
 * running calls are aborted and get `STOP_GRACE_MS` to say what became of them; then the answer leaves without them. A
 * `write` that did not say is `outcome_unknown`, because it may have happened.
 */

import type { CallOutcome, CallResult, RunEvent } from "../contract/run.ts";
import type { Clock, Lane, LanePool, PlannedCall } from "./ports.ts";
import { createStop, type Stop, type StopReason } from "./stop.ts";

/** How long stopped calls may take to report before the answer leaves without them. */
export const STOP_GRACE_MS = 20;

/** What one call says while a batch is executed. */
export type CallEvent = Extract<RunEvent, { type: `call.${string}` }>;

/** How a batch is executed. */
export interface ExecuteOptions {
  readonly mode: "parallel" | "sequential";
  /** Calls in flight at once, at least 1. */
  readonly maxParallel: number;
  /** On the clock of the ports. */
  readonly deadlineAtMs: number;
  /** When the run began: zero of all times in the results. */
  readonly startedAtMs: number;
}

/** What executing a batch needs. */
export interface ExecutePorts {
  readonly clock: Clock;
  readonly lanes: LanePool;
  /** Called one event at a time, in order. A slow reader delays the answer, not the calls. */
  onEvent(event: CallEvent): Promise<void>;
}

/** A batch that has ended. */
export interface ExecutedCalls {
  /** One for each call, in call order. */
  readonly results: readonly CallResult[];
  /** Lanes that ran at least one call. */
  readonly lanesUsed: number;
}

/** Runs `calls` and resolves when each has its result and every event has been taken. Never rejects for a call. */
export async function executeCalls(
  calls: readonly PlannedCall[],
  options: ExecuteOptions,
  ports: ExecutePorts,
  signal: AbortSignal,
): Promise<ExecutedCalls> {
  const stop = createStop(ports.clock, options.deadlineAtMs, signal);
  try {
    return await new Execution(calls, options, ports, stop).finish();
  } finally {
    stop.release();
  }
}

interface LaneLoad {
  readonly lane: Lane;
  inFlight: number;
  wasUsed: boolean;
}

interface RunningCall {
  readonly lane: LaneLoad;
  readonly startedAtMs: number;
  readonly controller: AbortController;
  /** Its time runs out with the run's, not with its own timeout. */
  readonly isCutByDeadline: boolean;
}

interface Entry {
  readonly call: PlannedCall;
  running: RunningCall | null;
  result: CallResult | null;
}

class Execution {
  readonly #options: ExecuteOptions;
  readonly #ports: ExecutePorts;
  readonly #stop: Stop;
  readonly #entries: readonly Entry[];
  /** Entries that were not started, in call order. */
  readonly #waiting: Set<Entry>;
  readonly #lanes: readonly LaneLoad[];
  readonly #maxInFlight: number;
  readonly #inFlightByTool = new Map<string, number>();
  readonly #queuedAtMs: number;
  readonly #grace = new AbortController();
  readonly #allEnded = Promise.withResolvers<void>();
  #events: Promise<void> = Promise.resolve();
  #inFlight = 0;
  #ended = 0;

  constructor(
    calls: readonly PlannedCall[],
    options: ExecuteOptions,
    ports: ExecutePorts,
    stop: Stop,
  ) {
    this.#options = options;
    this.#ports = ports;
    this.#stop = stop;
    this.#queuedAtMs = ports.clock.now();
    this.#entries = calls.map((call) => ({ call, running: null, result: null }));
    this.#waiting = new Set(this.#entries);
    this.#maxInFlight = options.mode === "sequential" ? 1 : options.maxParallel;
    const lanes =
      calls.length === 0 ? [] : ports.lanes.lanes(Math.min(calls.length, this.#maxInFlight));
    this.#lanes = lanes.map((lane) => ({ lane, inFlight: 0, wasUsed: false }));
  }

  async finish(): Promise<ExecutedCalls> {
    for (const { call } of this.#entries)
      this.#say({ type: "call.queued", id: call.id, tool: call.tool });
    this.#stop.onStop((reason) => this.#onStop(reason));
    this.#fillSlots();
    if (this.#entries.length > 0) await this.#allEnded.promise;
    this.#grace.abort();
    await this.#events;
    return {
      results: this.#entries.flatMap(({ result }) => (result === null ? [] : [result])),
      lanesUsed: this.#lanes.filter((load) => load.wasUsed).length,
    };
  }

  /** Starts calls until no free slot can take one. Walks the waiting ones only: a wide batch lands often. */
  #fillSlots(): void {
    for (const entry of this.#waiting) {
      if (this.#inFlight >= this.#maxInFlight) return;
      if (!this.#isAllowedByTool(entry.call)) continue;
      const lane = this.#lanes.find((load) => load.inFlight < load.lane.slots);
      if (lane === undefined || this.#stop.reason() !== null) return;
      this.#waiting.delete(entry);
      this.#start(entry, lane);
    }
  }

  #isAllowedByTool(call: PlannedCall): boolean {
    return (
      call.maxParallel === null || (this.#inFlightByTool.get(call.tool) ?? 0) < call.maxParallel
    );
  }

  #start(entry: Entry, lane: LaneLoad): void {
    const { call } = entry;
    const nowMs = this.#ports.clock.now();
    const leftMs = this.#options.deadlineAtMs - nowMs;
    const controller = new AbortController();
    const isCutByDeadline = leftMs <= call.timeoutMs;
    entry.running = { lane, startedAtMs: nowMs, controller, isCutByDeadline };
    this.#count(call, lane, 1);
    lane.wasUsed = true;
    const startedMs = nowMs - this.#options.startedAtMs;
    this.#say({ type: "call.started", id: call.id, tool: call.tool, startedMs });
    // Not awaited here: it lands by itself and cannot reject.
    void this.#run(entry, lane.lane, Math.min(call.timeoutMs, leftMs), controller.signal);
  }

  async #run(entry: Entry, lane: Lane, timeoutMs: number, signal: AbortSignal): Promise<void> {
    let outcome: CallOutcome;
    try {
      outcome = await lane.run(entry.call, timeoutMs, signal);
    } catch {
      // A lane promises not to reject. If one breaks all the same, it costs this call, not the run.
      outcome = lostOutcome(entry.call, {
        status: "failed",
        code: "internal",
        message: "The call was lost.",
      });
    }
    this.#land(entry, outcome);
  }

  #land(entry: Entry, reported: CallOutcome): void {
    const { call, running } = entry;
    if (entry.result !== null) return;
    this.#waiting.delete(entry);
    const nowMs = this.#ports.clock.now();
    const startedAtMs = running?.startedAtMs ?? nowMs;
    const outcome =
      running === null ? reported : blameDeadline(reported, running, this.#stop.reason());
    const result: CallResult = {
      ...outcome,
      id: call.id,
      tool: call.tool,
      queuedMs: startedAtMs - this.#queuedAtMs,
      startedMs: startedAtMs - this.#options.startedAtMs,
      durationMs: nowMs - startedAtMs,
    };
    entry.result = result;
    if (running !== null) this.#count(call, running.lane, -1);
    this.#say({ type: eventTypeOf(result), result });
    this.#ended += 1;
    if (this.#ended === this.#entries.length) this.#allEnded.resolve();
    else this.#fillSlots();
  }

  #count(call: PlannedCall, lane: LaneLoad, change: 1 | -1): void {
    this.#inFlight += change;
    lane.inFlight += change;
    this.#inFlightByTool.set(call.tool, (this.#inFlightByTool.get(call.tool) ?? 0) + change);
  }

  #onStop(reason: StopReason): void {
    for (const entry of this.#entries) {
      if (entry.running === null) this.#land(entry, stoppedOutcome(reason, 0));
      else if (entry.result === null) entry.running.controller.abort();
    }
    // Not awaited here: it ends with the batch at the latest, and a clock never rejects.
    if (this.#inFlight > 0) void this.#endAfterGrace(reason);
  }

  async #endAfterGrace(reason: StopReason): Promise<void> {
    await this.#ports.clock.sleep(STOP_GRACE_MS, this.#grace.signal);
    for (const entry of this.#entries)
      this.#land(entry, lostOutcome(entry.call, stopFailure(reason)));
  }

  /** Events queue up behind a slow reader; there are at most three of each call. */
  #say(event: CallEvent): void {
    this.#events = this.#events.then(() => this.#ports.onEvent(event));
    // A reader that throws is a bug and reaches whoever awaits `finish`; until then it must not count as unhandled.
    this.#events.catch(() => undefined);
  }
}

interface Failure {
  readonly status: "failed" | "timeout" | "cancelled";
  readonly code: "internal" | "deadline_exceeded" | "cancelled";
  readonly message: string;
}

function stopFailure(reason: StopReason): Failure {
  return reason === "deadline"
    ? { status: "timeout", code: "deadline_exceeded", message: "The run's deadline passed." }
    : { status: "cancelled", code: "cancelled", message: "The run was cancelled." };
}

function stoppedOutcome(reason: StopReason, attempts: number): CallOutcome {
  const { status, code, message } = stopFailure(reason);
  return { status, error: { code, message }, cache: "bypass", attempts };
}

/** A call that was under way and never said what became of it. */
function lostOutcome(call: PlannedCall, { status, code, message }: Failure): CallOutcome {
  return {
    status: call.effect === "write" ? "outcome_unknown" : status,
    error: { code, message },
    cache: "bypass",
    attempts: 1,
  };
}

/** A lane cannot tell the run's deadline from a cancel or from the call's own timeout; here it is known. */
function blameDeadline(
  outcome: CallOutcome,
  running: RunningCall,
  reason: StopReason | null,
): CallOutcome {
  const isCut =
    (outcome.status === "timeout" && running.isCutByDeadline) ||
    (outcome.status === "cancelled" && reason === "deadline");
  return isCut
    ? { ...stoppedOutcome("deadline", outcome.attempts), cache: outcome.cache }
    : outcome;
}

function eventTypeOf(result: CallResult): "call.completed" | "call.failed" | "call.cancelled" {
  if (result.status === "succeeded") return "call.completed";
  return result.status === "cancelled" ? "call.cancelled" : "call.failed";
}
