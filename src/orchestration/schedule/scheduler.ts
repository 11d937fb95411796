/**
 * The scheduler: runs calls as a dataflow. A call starts the moment everything it needs is there and a slot is free.
 *
 * Event-driven, without polling and without waves: whatever frees a slot or fulfils a need starts the next call at once.
 * The highest priority goes first, then the longest remaining chain by measured latency (upward rank), then call order;
 * a call inherits the priority of what needs it. In `sequential` mode only call order counts. A capped call never holds up
 * the others and no slot idles while a call could run. It is open-ended: calls may be submitted while others run (early
 * start, chains, branches) until it is sealed.
 *
 * Scopes are a tree: run > turn > call > attempt > hedge. `signal` is the run's or the turn's; each call gets a signal of
 * its own below it, from which whoever makes the call derives those of its attempts. Ending a scope ends all below it and
 * nothing beside it.
 *
 * What fails: a failing call costs itself and the calls that need it, transitively; those are `skipped`. At the deadline,
 * or when the signal aborts, nothing more starts, the running calls are aborted and get `STOP_GRACE_MS` to say what became
 * of them; then the answer leaves without them. A lane that ignores its signal or its timeout is left behind the same way.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { RunCaps } from "../../contract/policy.ts";
import type { CallOutcome, CallResult, RunEvent } from "../../contract/run.ts";
import type { SchedulePorts } from "../ports.ts";
import { Execution } from "./execution.ts";

/** What one call says while it is executed. */
export type CallEvent = Extract<RunEvent, { type: `call.${string}` }>;

/** How calls are executed. */
export interface ExecuteOptions {
  readonly mode: "parallel" | "sequential";
  /** Calls in flight at once, at least 1. */
  readonly maxParallel: number;
  /** On the clock of the ports. */
  readonly deadlineAtMs: number;
  /** When the run began: zero of all times in the results. */
  readonly startedAtMs: number;
  /** Caps by tag, host and group of the calls in flight. Absent: none. */
  readonly caps?: RunCaps;
  /**
   * A `pure` or `read` call whose own time is over ends as a timeout but goes on while others of the run do and nothing
   * else wants to start; what it answers until then is its result's `lateOutputJson`. Absent: it is aborted.
   */
  readonly keepsLate?: true;
  /** Calls that have ended before, by id: they end so as they are submitted, whatever they need. Absent: none. */
  readonly known?: ReadonlyMap<string, CallOutcome>;
}

/** What executing calls needs. */
export interface ExecutePorts extends SchedulePorts {
  /** Called one event at a time, in order. A slow reader delays the answer, not the calls. */
  onEvent(event: CallEvent): Promise<void>;
}

/** Calls that have ended. */
export interface ExecutedCalls {
  /** One for each call, in the order they were submitted. */
  readonly results: readonly CallResult[];
  /** Lanes that ran at least one call. */
  readonly lanesUsed: number;
}

/** Calls that the run makes itself, without a slot, because they only wait for others: chains. */
export interface InsideCalls {
  /** True when the call is one. Always the same for the same call. */
  owns(call: PlannedCall): boolean;
  /**
   * Makes it: submits calls with `partOf` to `scheduler`, also after it was sealed, and ends when they have ended. Once
   * `signal` aborts it submits none and cancels them. Never rejects.
   */
  run(
    call: PlannedCall,
    scheduler: Scheduler,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CallOutcome>;
}

/** What to cancel: one call, or all calls of a branch, those still to be submitted included. */
export type CancelTarget = { readonly call: string } | { readonly branch: string };

/** Runs calls until it is sealed and all have ended. Own it: seal it and await `finish`, whatever happens. */
export interface Scheduler {
  /**
   * Adds calls; what can start starts before this returns. After a stop they end at once, as do calls of a cancelled
   * branch. A call may need one that is submitted later. Throws, as it is a bug, when an id is taken or after `seal`.
   */
  submit(calls: readonly PlannedCall[]): void;
  /** Resolves when the call has ended, however it did; never rejects. Throws when no such call was submitted. */
  result(id: string): Promise<CallResult>;
  /**
   * Calls `listener` once for each call that ends from now on, before anything it makes possible starts: a listener that
   * cancels the losers is never too late. It may submit and cancel; it must not throw. Returns how to stop listening.
   */
  onSettled(listener: (result: CallResult) => void): () => void;
  /**
   * Cancels what has not ended: a waiting call leaves at once, a running one is aborted and has `STOP_GRACE_MS` to report.
   * Others go on, but for those that need it. A branch stays cancelled for later calls until `reset`. Returns how many
   * calls that was.
   */
  cancel(target: CancelTarget): number;
  /** Lets calls of a cancelled branch that are submitted from now on run again. */
  reset(branch: string): void;
  /**
   * As `reset`, and what has ended `cancelled` in the branch runs again, as do the calls that were skipped for it; not
   * after `seal`. Whoever waits for a result has had the first one. Returns the ids of what was put back.
   */
  repeat(branch: string): readonly string[];
  /** No more calls will come. Calls that need one nobody submitted are skipped. */
  seal(): void;
  /** Resolves once sealed, when every call has its result and every event was taken; rejects only for a bug of a port. */
  finish(): Promise<ExecutedCalls>;
}

/** A scheduler without calls. `signal` stops it; so does its deadline. */
export function createScheduler(
  options: ExecuteOptions,
  ports: ExecutePorts,
  signal: AbortSignal,
): Scheduler {
  return new Execution(options, ports, signal);
}
