/**
 * The inside of a scheduler. Everything that happens (a submit, a call that ends, a cancel, a stop) first changes the
 * state of calls and then enters `#work`, the one loop that tells who waited and starts what can start. It is entered
 * once at a time, so listeners may call back into the scheduler.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallError, CallOutcome, CallResult } from "../../contract/run.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { createStop, type Stop, type StopReason } from "../stop.ts";
import { CallGraph, isUsable } from "./call-graph.ts";
import { capsOf } from "./caps.ts";
import { type Entry, newEntry, rememberedWeights } from "./entry.ts";
import { EventLine } from "./event-line.ts";
import {
  blamed,
  CALL_CANCELLED,
  CALL_LOST,
  dependencyFailure,
  type Failure,
  neverSent,
  stopFailure,
} from "./outcomes.ts";
import { PortBugs } from "./port-bugs.ts";
import type {
  CancelTarget,
  ExecutedCalls,
  ExecuteOptions,
  ExecutePorts,
  Scheduler,
} from "./scheduler.ts";
import { insideTrack, isBusy, leave, slotTrack, type Track, type TrackOptions } from "./track.ts";

/** See `Scheduler`. */
export class Execution implements Scheduler {
  readonly #options: ExecuteOptions;
  readonly #ports: ExecutePorts;
  readonly #stop: Stop;
  readonly #events: EventLine;
  readonly #graph = new CallGraph<Entry>();
  readonly #slots: Track;
  /** Calls that take no slot; the run makes them itself. */
  readonly #inside: Track;
  readonly #listeners = new Set<(result: CallResult) => void>();
  readonly #cancelledBranches = new Set<string>();
  readonly #weightOf: (tool: string) => number;
  readonly #bugs = new PortBugs();
  /** Calls that have ended and of which nobody was told yet. */
  readonly #settled: CallResult[] = [];
  readonly #allEnded = Promise.withResolvers<void>();
  #ended = 0;
  #isSealed = false;
  #isWorking = false;

  constructor(options: ExecuteOptions, ports: ExecutePorts, signal: AbortSignal) {
    this.#options = options;
    this.#ports = ports;
    this.#events = new EventLine((event) => ports.onEvent(event));
    const isSequential = options.mode === "sequential";
    const trackOptions: TrackOptions = {
      clock: ports.clock,
      deadlineAtMs: options.deadlineAtMs,
      isSequential,
      ended: (entry, outcome, flight) => {
        const blame = blamed(outcome, flight.isCutByDeadline, this.#stop.reason());
        this.#land(entry, blame, flight.startedAtMs);
        this.#work();
      },
      progressed: ({ call }, told) => this.#events.sayProgress(call.id, call.tool, told),
      freed: () => this.#work(),
    };
    this.#weightOf = rememberedWeights(ports.expectedMs);
    const most = isSequential ? 1 : options.maxParallel;
    this.#slots = slotTrack(ports, most, { ...options, ...trackOptions });
    this.#inside = insideTrack(ports.inside, this, trackOptions);
    this.#stop = createStop(ports.clock, options.deadlineAtMs, signal);
    this.#stop.onStop((reason) => this.#onStop(reason));
  }

  submit(calls: readonly PlannedCall[]): void {
    const isPart = calls.every(({ partOf }) => partOf !== undefined);
    if (this.#isSealed && (!isPart || this.#ended === this.#graph.size))
      throw new Error("Calls were submitted to a sealed scheduler.");
    const entries = calls.map((call) => this.#entryOf(call));
    for (const { call } of entries)
      this.#events.say({ type: "call.queued", id: call.id, tool: call.tool });
    if (calls.some((call) => this.#graph.isLinked(call))) {
      this.#graph.rank();
      this.#slots.ready.reorder();
      this.#inside.ready.reorder();
    }
    for (const entry of entries) this.#place(entry);
    this.#work();
  }

  result(id: string): Promise<CallResult> {
    const entry = this.#graph.get(id);
    if (entry === undefined) throw new Error(`There is no call "${id}" in this run.`);
    if (entry.result !== null) return Promise.resolve(entry.result);
    entry.waiter ??= Promise.withResolvers<CallResult>();
    return entry.waiter.promise;
  }

  onSettled(listener: (result: CallResult) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  cancel(target: CancelTarget): number {
    if ("branch" in target) this.#cancelledBranches.add(target.branch);
    let cancelled = 0;
    for (const entry of this.#graph.open()) {
      const { call } = entry;
      const isMeant = "branch" in target ? call.branch === target.branch : call.id === target.call;
      if (isMeant && this.#abort(entry, CALL_CANCELLED)) cancelled += 1;
    }
    this.#work();
    return cancelled;
  }

  reset(branch: string): void {
    this.#cancelledBranches.delete(branch);
  }

  repeat(branch: string): readonly string[] {
    this.reset(branch);
    const revived = this.#isSealed ? [] : this.#graph.revive(branch);
    this.#ended -= revived.length;
    for (const { call } of revived)
      this.#events.say({ type: "call.queued", id: call.id, tool: call.tool });
    for (const entry of revived) this.#place(entry);
    this.#work();
    return revived.map(({ call }) => call.id);
  }

  seal(): void {
    this.#isSealed = true;
    for (const entry of this.#graph.open()) {
      const unknown = entry.call.needs?.find((need) => this.#graph.get(need) === undefined);
      if (unknown !== undefined) this.#land(entry, neverSent(dependencyFailure(unknown)));
    }
    this.#work();
  }

  async finish(): Promise<ExecutedCalls> {
    await this.#allEnded.promise;
    await this.#events.taken();
    this.#bugs.rethrow();
    const { flights } = this.#slots;
    const results = flights.withLate(this.#graph.resultsInOrder());
    return { results, lanesUsed: flights.lanesUsed };
  }

  #entryOf(call: PlannedCall): Entry {
    const weightMs = this.#weightOf(call.tool);
    const caps = capsOf(call, this.#options.caps);
    const entry = newEntry(call, this.#graph.size, caps, weightMs);
    this.#graph.add(entry);
    return entry;
  }

  /** Puts a new call where it belongs: to the ready ones, among those that wait, or at its end. */
  #place(entry: Entry): void {
    const { branch, id } = entry.call;
    const known = this.#options.known?.get(id);
    if (known !== undefined) return this.#land(entry, known);
    const reason = this.#stop.reason();
    if (reason !== null) return this.#land(entry, neverSent(stopFailure(reason)));
    if (branch !== undefined && this.#cancelledBranches.has(branch))
      return this.#land(entry, neverSent(CALL_CANCELLED));
    const failed = this.#graph.link(entry);
    if (failed !== null) return this.#land(entry, neverSent(dependencyFailure(failed)));
    if (entry.missing === 0) this.#makeReady(entry);
  }

  #makeReady(entry: Entry): void {
    entry.readyAtMs = this.#ports.clock.now();
    const { flights, ready } = this.#trackOf(entry);
    flights.hurry();
    ready.add(entry);
  }

  /** Tells everybody what has ended and starts what can start, until neither is left to do. */
  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    do {
      // What ends while others are told is appended and told in turn.
      for (const result of this.#settled) this.#tell(result);
      this.#settled.length = 0;
    } while (
      this.#startNext(this.#inside) ||
      this.#startNext(this.#slots) ||
      this.#settled.length > 0 ||
      this.#skipDeadlocked()
    );
    this.#isWorking = false;
    if (this.#isSealed && this.#ended === this.#graph.size) this.#end();
  }

  #tell(result: CallResult): void {
    for (const listener of this.#listeners) this.#bugs.safely(() => listener(result));
    this.#graph.get(result.id)?.waiter?.resolve(result);
    for (const follower of this.#graph.takeFollowers(result.id)) {
      if (follower.result !== null) continue;
      follower.missing -= 1;
      if (!isUsable(result)) this.#land(follower, neverSent(dependencyFailure(result.id)));
      else if (follower.missing === 0) this.#makeReady(follower);
    }
  }

  /** Starts one call, or ends one that cannot be bound; false when no call can start now. */
  #startNext(track: Track): boolean {
    const { ready, flights, places, most } = track;
    const calls = Math.min(ready.size, most - flights.size);
    const canStart = calls > 0 && this.#stop.reason() === null;
    const load = canStart ? flights.freeLane(flights.size + calls) : null;
    const entry = load === null ? null : ready.peek();
    if (load === null || entry === null) {
      places.rest();
      return false;
    }
    if (!places.take(calls, entry.weightMs)) return false;
    ready.take(entry);
    const { call } = entry;
    const bound = this.#bind(call);
    if (!bound.ok) {
      leave(track, entry);
      this.#land(entry, neverSent({ status: "failed", error: bound.error }));
      return true;
    }
    const followingMs = entry.rank - entry.weightMs;
    const stage = { ownMs: entry.weightMs, followingMs };
    const { startedAtMs } = flights.start(entry, bound.value, load, stage);
    const startedMs = startedAtMs - this.#options.startedAtMs;
    this.#events.say({ type: "call.started", id: call.id, tool: call.tool, startedMs });
    return true;
  }

  #bind(call: PlannedCall): Result<PlannedCall, CallError> {
    const { bind } = this.#ports;
    if (call.needs === undefined || bind === undefined) return ok(call);
    return this.#bugs.safely(() => bind(call, this.#graph.results)) ?? fail(CALL_LOST.error);
  }

  #land(entry: Entry, outcome: CallOutcome, startedAtMs?: number): void {
    if (entry.result !== null) return;
    const { call, readyAtMs } = entry;
    const nowMs = this.#ports.clock.now();
    const startMs = startedAtMs ?? nowMs;
    const result: CallResult = {
      ...outcome,
      id: call.id,
      tool: call.tool,
      queuedMs: startMs - (readyAtMs ?? startMs),
      startedMs: startMs - this.#options.startedAtMs,
      durationMs: nowMs - startMs,
    };
    this.#graph.end(entry, result);
    this.#trackOf(entry).ready.delete(entry);
    this.#ended += 1;
    this.#settled.push(result);
    this.#events.sayEnd(result);
  }

  /** Ends a call: at once when it waits, after the grace at the latest when it runs. False when that was done before. */
  #abort(entry: Entry, failure: Failure): boolean {
    const { flights } = this.#trackOf(entry);
    if (flights.has(entry)) return flights.abort(entry, failure);
    this.#land(entry, neverSent(failure));
    return true;
  }

  #trackOf({ call }: Entry): Track {
    return this.#ports.inside?.owns(call) === true ? this.#inside : this.#slots;
  }

  #onStop(reason: StopReason): void {
    for (const entry of this.#graph.open()) this.#abort(entry, stopFailure(reason));
    this.#work();
  }

  /** When nothing runs, nothing can start and nothing more will come, what still waits waits for itself: a cycle. */
  #skipDeadlocked(): boolean {
    if (!this.#isSealed || isBusy(this.#slots) || isBusy(this.#inside)) return false;
    const stuck = this.#graph.open();
    for (const entry of stuck) {
      const need = this.#graph.unmetNeed(entry) ?? entry.call.id;
      this.#land(entry, neverSent(dependencyFailure(need)));
    }
    return stuck.length > 0;
  }

  #end(): void {
    this.#slots.flights.close();
    this.#inside.flights.close();
    this.#stop.release();
    this.#allEnded.resolve();
  }
}
