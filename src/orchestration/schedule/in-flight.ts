/**
 * The calls of a run that are under way: each in a slot of a lane, with a signal of its own and a moment at which the
 * answer leaves without it.
 *
 * A call ends once: by what its lane reports, or by being left behind when its lane ignores the signal or the timeout. A
 * lane that reports later gives back its slot and nothing else. Where late answers are kept, a call that only reads is left
 * behind without an abort: it keeps its slot and its caps until it has answered, or until anything else wants to start.
 */

import { type Stage, stageBudgetMs } from "../../algorithms/stage-budget.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallOutcome, CallProgress, CallResult } from "../../contract/run.ts";
import type { Clock, LanePool } from "../ports.ts";
import { type LaneLoad, LaneSlots } from "./lane-slots.ts";
import {
  CALL_LOST,
  CALL_OVERDUE,
  type Failure,
  leftBehind,
  OVERDUE_GRACE_MS,
  stopFailure,
} from "./outcomes.ts";
import { Watchdog } from "./watchdog.ts";
import { Abort } from "../../platform/abort.ts";

/** One call under way. */
export interface Flight {
  readonly call: PlannedCall;
  readonly startedAtMs: number;
  /** Its time is cut by the run's deadline, not by its own timeout. */
  readonly isCutByDeadline: boolean;
}

interface OpenFlight extends Flight {
  readonly timeoutMs: number;
  /** It may answer late. */
  readonly mayBeLate: boolean;
  readonly controller: Abort;
  /** When the answer leaves without it. */
  giveUpAtMs: number;
  /** What it ends as then. */
  lostAs: Failure;
  wasAborted: boolean;
}

/** What all flights obey. */
export interface FlightBounds {
  readonly deadlineAtMs: number;
  /** How long an aborted call may take to report. */
  readonly graceMs: number;
  /** See `ExecuteOptions`. */
  readonly keepsLate?: true;
}

/** What becomes of flights. Nothing of it is called while `start` runs. */
export interface FlightEvents<Key> {
  /** Told how far a call is, as long as it has not ended. */
  progressed(key: Key, progress: CallProgress): void;
  /** Called once for each call, when it has ended. */
  ended(key: Key, outcome: CallOutcome, flight: Flight): void;
  /** Called once for each call, when it counts under its caps no more: just before it ends, or when its late answer is in. */
  left(key: Key): void;
  /** Called when a lane that was left behind has given back its slot after all. */
  slotFreed(): void;
  /** True while a call is ready and waits. */
  isWanted(): boolean;
}

/** Starts, aborts and leaves behind; `Key` is what the caller knows a call by. */
export class InFlight<Key> {
  readonly #clock: Clock;
  readonly #bounds: FlightBounds;
  readonly #events: FlightEvents<Key>;
  readonly #lanes: LaneSlots;
  readonly #flights = new Map<Key, OpenFlight>();
  /** Calls that have ended and may still answer. */
  readonly #late = new Map<OpenFlight, Key>();
  readonly #lateOutputs = new Map<string, string>();
  readonly #watchdog: Watchdog;

  /** Calls end at the deadline at the latest, and the grace. */
  constructor(clock: Clock, pool: LanePool, bounds: FlightBounds, events: FlightEvents<Key>) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.#events = events;
    this.#lanes = new LaneSlots(pool);
    this.#watchdog = new Watchdog(clock, () => this.#leaveOverdue());
  }

  /** Calls under way. */
  get size(): number {
    return this.#flights.size;
  }

  /** True while the call is under way. */
  has(key: Key): boolean {
    return this.#flights.has(key);
  }

  /** Lanes that ran at least one call. */
  get lanesUsed(): number {
    return this.#lanes.used;
  }

  /** A lane with a free slot when `wanted` calls may be under way together, or null. */
  freeLane(wanted: number): LaneLoad | null {
    this.#lanes.grow(wanted);
    return this.#lanes.free();
  }

  /** Puts a call into a slot of `load`, for as long as its timeout, the deadline and what needs it leave. */
  start(key: Key, call: PlannedCall, load: LaneLoad, stage: Omit<Stage, "leftMs">): Flight {
    const startedAtMs = this.#clock.now();
    const leftMs = this.#bounds.deadlineAtMs - startedAtMs;
    const budgetMs = stageBudgetMs({ ...stage, leftMs });
    const isCutByDeadline = budgetMs <= call.timeoutMs;
    const timeoutMs = Math.min(call.timeoutMs, budgetMs);
    const mayBeLate = this.#bounds.keepsLate === true && !isCutByDeadline && isForModel(call);
    const flight: OpenFlight = {
      call,
      startedAtMs,
      isCutByDeadline,
      timeoutMs: mayBeLate ? leftMs : timeoutMs,
      mayBeLate,
      controller: new Abort(),
      giveUpAtMs: startedAtMs + timeoutMs + (mayBeLate ? 0 : OVERDUE_GRACE_MS),
      lostAs: isCutByDeadline ? stopFailure("deadline") : CALL_OVERDUE,
      wasAborted: false,
    };
    this.#flights.set(key, flight);
    this.#lanes.take(load);
    this.#watchdog.watch(flight.giveUpAtMs);
    // Not awaited here: it ends by itself and cannot reject.
    void this.#run(key, flight, load);
    return flight;
  }

  /** Aborts a call; it has the grace to report before it ends as `failure`. False when it is not under way, or was aborted before. */
  abort(key: Key, failure: Failure): boolean {
    const flight = this.#flights.get(key);
    if (flight === undefined || flight.wasAborted) return false;
    flight.wasAborted = true;
    flight.lostAs = failure;
    flight.giveUpAtMs = Math.min(flight.giveUpAtMs, this.#clock.now() + this.#bounds.graceMs);
    flight.controller.abort();
    this.#watchdog.watch(flight.giveUpAtMs);
    return true;
  }

  /** Something else wants to start: nobody waits for late answers any more. */
  hurry(): void {
    for (const [flight, key] of this.#late) {
      this.#late.delete(flight);
      flight.controller.abort();
      this.#events.left(key);
    }
  }

  /** Results with what their calls answered late. */
  withLate(results: readonly CallResult[]): readonly CallResult[] {
    if (this.#lateOutputs.size === 0) return results;
    return results.map((result) => {
      const lateOutputJson = this.#lateOutputs.get(result.id);
      return lateOutputJson === undefined ? result : { ...result, lateOutputJson };
    });
  }

  /** Leaves no timer and nothing open. Call it when all calls have ended. */
  close(): void {
    this.hurry();
    this.#watchdog.close();
  }

  async #run(key: Key, flight: OpenFlight, load: LaneLoad): Promise<void> {
    const { call, timeoutMs, controller } = flight;
    let outcome: CallOutcome;
    try {
      outcome = await load.lane.run(call, timeoutMs, controller.signal, (progress) => {
        if (this.#flights.get(key) === flight) this.#events.progressed(key, progress);
      });
    } catch {
      // A lane promises not to reject. If one breaks all the same, it costs this call, not the run.
      outcome = leftBehind(call, CALL_LOST);
    }
    this.#lanes.give(load);
    // A call that was left behind may be under way again, by a flight of its own.
    if (this.#flights.get(key) === flight) return this.#end(key, flight, outcome);
    if (this.#late.delete(flight)) {
      if (outcome.outputJson !== undefined) this.#lateOutputs.set(call.id, outcome.outputJson);
      this.#events.left(key);
    }
    this.#events.slotFreed();
  }

  #end(key: Key, flight: OpenFlight, outcome: CallOutcome): void {
    this.#flights.delete(key);
    this.#events.left(key);
    this.#events.ended(key, outcome, flight);
  }

  /** Leaves behind the calls whose time to report is over; returns when the next one's is. */
  #leaveOverdue(): number {
    const nowMs = this.#clock.now();
    for (const [key, flight] of this.#flights) {
      if (flight.giveUpAtMs > nowMs) continue;
      const outcome = leftBehind(flight.call, flight.lostAs);
      if (flight.mayBeLate && !flight.wasAborted && !this.#events.isWanted()) {
        this.#flights.delete(key);
        this.#late.set(flight, key);
        this.#events.ended(key, outcome, flight);
      } else {
        flight.controller.abort();
        this.#end(key, flight, outcome);
      }
    }
    const moments = [...this.#flights.values()].map(({ giveUpAtMs }) => giveUpAtMs);
    return moments.reduce((next, each) => Math.min(next, each), Infinity);
  }
}

/** What only reads may answer late; a step of a chain has nobody who would read it. */
function isForModel({ effect, partOf }: PlannedCall): boolean {
  return partOf === undefined && (effect === "pure" || effect === "read");
}
