/**
 * One life of a run of calls, put together as `RunJournal` and the assembly do it: from its beginning, or from what an
 * earlier life left in storage, to its end or its crash.
 */

import { runTimes } from "../../src/assembly/durable-run.ts";
import { IsolateShare } from "../../src/assembly/call-share.ts";
import { ReplayedEvents } from "../../durable-objects/run-journal/replayed-events.ts";
import type { CallOutcome, RunEvent, RunPart, RunReport } from "../../src/contract/run.ts";
import { CallNumbers } from "../../src/orchestration/journal/number-calls.ts";
import { recallCalls } from "../../src/orchestration/journal/recall-calls.ts";
import { createBinder } from "../../src/orchestration/plan/bind-call.ts";
import type { RunPorts } from "../../src/orchestration/ports.ts";
import { createRunControl, type RunControl } from "../../src/orchestration/run-control.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { testDigest } from "../support/memory-journal.ts";
import { type CallsWorld, findAny } from "./calls-world.ts";
import type { Core } from "./core.ts";
import { CountingClock } from "./counting-clock.ts";
import { Dice } from "./dice.ts";
import type { Incident } from "./incidents.ts";
import { LaneWatch } from "./lane-watch.ts";
import { type Line, Storage } from "./storage.ts";
import { drawFate, type FaultCount, ToolServers } from "./tool-servers.ts";
import type { Trace } from "./trace.ts";
import { CallStates } from "./call-states.ts";

/** Steps of one life; a run that has not ended by then never does. */
const MAX_STEPS = 5_000;

/** After the end so many steps are watched for anything that goes on. */
const STEPS_AFTER = 40;

/** When every run begins. */
export const STARTED_AT_MS = 1_000;

/** How a life ended: lost, with what it left, or with its run. */
export type LifeEnd =
  | {
      readonly isCrash: true;
      readonly steps: number;
      readonly lines: readonly Line[];
      readonly nowMs: number;
    }
  | { readonly isCrash: false; readonly steps: number; readonly report: RunReport | null };

/** When a life begins and what it finds. */
export interface Birth {
  readonly nowMs: number;
  readonly lines: readonly Line[];
}

/** One life of a run of calls. */
export class CallsLife {
  readonly #world: CallsWorld;
  readonly #core: Core;
  readonly #trace: Trace;
  readonly #clock: FakeClock;
  readonly #coreClock: CountingClock;
  readonly #storage: Storage;
  readonly #servers: ToolServers;
  readonly #watch: LaneWatch;
  readonly #share: IsolateShare | null;
  readonly #numbers = new CallNumbers("run", testDigest);
  readonly #control: RunControl = createRunControl();
  readonly #controller = new AbortController();
  readonly #states: CallStates;
  readonly #replayed: ReplayedEvents;
  readonly #times: ReturnType<typeof runTimes>;
  #report: RunReport | null = null;
  #hasEnded = false;

  constructor(
    world: CallsWorld,
    core: Core,
    trace: Trace,
    faults: FaultCount,
    { nowMs, lines }: Birth,
  ) {
    this.#world = world;
    this.#core = core;
    this.#trace = trace;
    const clock = new FakeClock(nowMs);
    this.#clock = clock;
    this.#coreClock = new CountingClock(clock);
    trace.now = () => clock.now();
    const { seed } = world;
    this.#storage = new Storage(clock, new Dice(seed, "storage", trace.life), lines);
    this.#servers = new ToolServers(clock, trace, faults, world.slotsOfLane, (call, nth) =>
      drawFate(new Dice(seed, "fate", call.id, nth)),
    );
    const isCancelled = lines.some(({ kind }) => kind === "cancelled");
    const isResumed = trace.life > 1;
    const durable = { startedAtMs: STARTED_AT_MS, isResumed, isCancelled };
    this.#times = runTimes(durable, world.deadlineMs, () => clock.now());
    for (const call of world.calls) void this.#numbers.keyOf(call);
    const lanes = core.lanes(
      this.#servers,
      this.#numbers,
      new Map(),
      {
        ...durable,
        calls: this.#storage.calls(),
        turns: this.#storage.turns(),
        newId: (prefix) => prefix,
      },
      this.#times.bounds,
    );
    this.#watch = new LaneWatch(lanes, trace, world);
    this.#share = world.places === null ? null : new IsolateShare(world.places, () => clock.now());
    this.#states = new CallStates(world, trace);
    const told = lines.flatMap((line) => (line.kind === "told" ? [line.event] : []));
    this.#replayed = new ReplayedEvents(told);
  }

  async toTheEnd(
    incidents: Incident[],
    happened: Incident["kind"][],
    stepsBefore: number,
  ): Promise<LifeEnd> {
    let steps = stepsBefore;
    this.#begin();
    await this.#clock.settle();
    for (;;) {
      while ((incidents[0]?.step ?? Infinity) <= steps) {
        const incident = incidents.shift();
        if (incident === undefined || this.#hasEnded) break;
        happened.push(incident.kind);
        if (incident.kind === "crash") return this.#crash(steps, incident.downMs);
        this.#happen(incident);
        await this.#clock.settle();
      }
      if (this.#hasEnded) break;
      this.#demandWork();
      const hasMoved = steps - stepsBefore < MAX_STEPS && (await this.#clock.step());
      this.#trace.demand("the run ends", hasMoved, () => "it hangs");
      if (!hasMoved) return { isCrash: false, steps, report: null };
      steps += 1;
    }
    this.#demandNothingOpen();
    for (let step = 0; step < STEPS_AFTER && (await this.#clock.step()); step += 1);
    return { isCrash: false, steps, report: this.#report };
  }

  #begin(): void {
    const { calls, branches, mode, maxParallel, caps, seed } = this.#world;
    const { deadlineMs, startedAtMs, bounds } = this.#times;
    const { isCancelled } = bounds;
    const parts = this.#storage.earlier.flatMap((line) =>
      line.kind === "part" ? [line.part] : [],
    );
    const weights = new Dice(seed, "weights");
    const weightOf = [0, 1, 2, 3].map(() => weights.int(1, 90));
    const share = this.#share;
    const ports: RunPorts = {
      clock: this.#coreClock,
      lanes: this.#watch,
      bind: createBinder(findAny),
      find: findAny,
      control: this.#control,
      expectedMs: (tool) => weightOf[Number(tool.slice(1))] ?? 5,
      ...(share !== null && { share: (endsAtMs: number) => share.join("tenant", endsAtMs) }),
      emit: (event) => this.#emit(event),
    };
    const run = { id: "run", calls, branches, mode, maxParallel, caps };
    this.#states.resets = parts.filter((part) => "reset" in part && part.reset).length;
    const running = this.#recalled().then((known) =>
      this.#core.runCalls(
        { ...run, deadlineMs, startedAtMs, isCancelled, ...(known !== null && { known }) },
        ports,
        this.#controller.signal,
      ),
    );
    void this.#control.answered.then(() => parts.map((part) => this.#control.cancel(part)));
    void running.then(
      (report) => this.#end(report),
      (error: unknown) => {
        this.#trace.demand("the run ends", false, () => `it threw ${String(error)}`);
        this.#end(null);
      },
    );
  }

  async #recalled(): Promise<ReadonlyMap<string, CallOutcome> | null> {
    if (this.#trace.life === 1) return null;
    const known = await recallCalls(this.#world.calls, this.#numbers, this.#storage.calls());
    for (const [id, { status }] of known) this.#trace.note({ kind: "settled", id, status });
    return known;
  }

  #end(report: RunReport | null): void {
    this.#hasEnded = true;
    this.#report = report;
    this.#trace.note({ kind: "ended" });
    this.#states.ended(report);
  }

  async #emit(event: RunEvent): Promise<void> {
    this.#states.take(event);
    const told = this.#replayed.take(event);
    if (told !== null) void this.#storage.write({ kind: "told", event: told });
    const { readerMs } = this.#world;
    if (readerMs > 0) await this.#clock.sleep(readerMs, new AbortController().signal);
  }

  #happen(incident: Exclude<Incident, { kind: "crash" }>): void {
    switch (incident.kind) {
      case "cancel run":
        this.#storage.writeNow({ kind: "cancelled" });
        this.#controller.abort();
        this.#states.isCancelled = true;
        return this.#trace.note({ kind: "cancelled", calls: null });
      case "cancel call":
        return this.#cancel({ call: incident.call }, [incident.call]);
      case "cancel branch": {
        const { branch } = incident;
        const calls = this.#world.calls.filter((call) => call.branch === branch);
        return this.#cancel(
          { branch, reset: false },
          calls.map(({ id }) => id),
        );
      }
      case "reset branch": {
        const { branch } = incident;
        const part = { branch, reset: true };
        // Noted before it is done: what runs again is queued at once.
        this.#states.resets += 1;
        this.#trace.note({ kind: "reset", branch });
        if (this.#control.cancel(part)) this.#storage.writeNow({ kind: "part", part });
      }
    }
  }

  #cancel(part: RunPart, calls: readonly string[]): void {
    if (!this.#control.cancel(part)) return;
    this.#storage.writeNow({ kind: "part", part });
    this.#trace.note({ kind: "cancelled", calls });
  }

  #crash(steps: number, downMs: number): LifeEnd {
    const nowMs = this.#clock.now() + downMs;
    return { isCrash: true, steps, lines: this.#storage.survivors(), nowMs };
  }

  /** At a moment at which nothing is about to happen by itself. */
  #demandWork(): void {
    const isStopped =
      this.#clock.now() >= this.#times.startedAtMs + this.#times.deadlineMs ||
      this.#controller.signal.aborted;
    const hasPlace = this.#share === null || this.#share.taken < (this.#world.places ?? 0);
    if (isStopped || !hasPlace || !this.#watch.hasFreeSlot || this.#world.readerMs > 0) return;
    const idle = this.#states.couldStart();
    this.#trace.demand(
      "no slot idles while a call could run",
      idle === null,
      () => `${idle ?? ""} waits at ${this.#clock.now()}`,
    );
  }

  #demandNothingOpen(): void {
    const open = {
      requests: this.#servers.unattended,
      timers: this.#coreClock.sleeping,
      places: this.#share?.taken ?? 0,
    };
    this.#trace.demand(
      "nothing is open after the end",
      open.requests + open.timers + open.places === 0,
      () => JSON.stringify(open),
    );
  }
}
