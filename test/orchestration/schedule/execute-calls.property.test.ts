import {
  assert,
  asyncProperty,
  type Arbitrary,
  array,
  boolean,
  constantFrom,
  integer,
  option,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";

import type { CallResult } from "../../../src/contract/run.ts";
import type { LanePool, PlannedCall } from "../../../src/orchestration/ports.ts";
import { executeCalls } from "../../../src/orchestration/schedule/execute-calls.ts";
import type { CallEvent } from "../../../src/orchestration/schedule/scheduler.ts";
import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import {
  type CallScript,
  FAILED,
  FakeLanes,
  plannedCall,
  succeeded,
} from "../../support/fake-lanes.ts";

const TOOLS = ["a", "b", "c"] as const;

interface CallPlan {
  readonly tool: (typeof TOOLS)[number];
  readonly durationMs: number;
  readonly timeoutMs: number;
  readonly fails: boolean;
  readonly breaks: boolean;
  readonly isWrite: boolean;
  readonly ignoresAbort: boolean;
}

interface Schedule {
  readonly calls: readonly CallPlan[];
  readonly caps: readonly (number | null)[];
  readonly maxParallel: number;
  readonly slots: number;
  readonly isSequential: boolean;
  readonly deadlineMs: number;
  readonly abortAtMs: number | null;
}

const CALL: Arbitrary<CallPlan> = record({
  tool: constantFrom(...TOOLS),
  durationMs: integer({ min: 0, max: 60 }),
  timeoutMs: integer({ min: 1, max: 80 }),
  fails: boolean(),
  breaks: constantFrom(true, false, false, false),
  isWrite: boolean(),
  ignoresAbort: boolean(),
});

const SCHEDULE: Arbitrary<Schedule> = record({
  calls: array(CALL, { maxLength: 24 }),
  caps: array(option(integer({ min: 1, max: 4 })), { minLength: 3, maxLength: 3 }),
  maxParallel: integer({ min: 1, max: 12 }),
  slots: integer({ min: 1, max: 5 }),
  isSequential: constantFrom(true, false, false, false),
  deadlineMs: integer({ min: 0, max: 300 }),
  abortAtMs: option(integer({ min: 0, max: 200 })),
});

/** Runs a schedule and checks after every moment that no slot idles while a call could start. */
class Trial {
  readonly clock = new FakeClock();
  readonly lanes: FakeLanes;
  readonly events: CallEvent[] = [];
  /** Calls that waited although a slot was free for them. */
  readonly keptWaiting: string[] = [];
  readonly controller = new AbortController();
  readonly over = new AbortController();
  readonly beganAtMs = this.clock.now();
  readonly schedule: Schedule;
  readonly planned: readonly PlannedCall[];
  results: readonly CallResult[] | null = null;
  lanesUsed = 0;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
    this.planned = schedule.calls.map((call, index) =>
      plannedCall(`c${index}`, {
        tool: call.tool,
        timeoutMs: call.timeoutMs,
        effect: call.isWrite ? "write" : "read",
        maxParallel: this.capOf(call.tool),
      }),
    );
    this.lanes = new FakeLanes(this.clock, (call) => this.#script(call), schedule.slots);
  }

  capOf(tool: string): number | null {
    return this.schedule.caps[TOOLS.findIndex((each) => each === tool)] ?? null;
  }

  get maxInFlight(): number {
    return this.schedule.isSequential ? 1 : this.schedule.maxParallel;
  }

  async run(): Promise<void> {
    const run = this.#execute();
    const { abortAtMs, deadlineMs } = this.schedule;
    if (abortAtMs !== null) void this.#abortAfter(abortAtMs);
    const untilMs = this.beganAtMs + Math.min(deadlineMs, abortAtMs ?? Infinity);
    await this.clock.settle();
    while (this.results === null) {
      if (this.clock.now() < untilMs) this.#noteIdleSlots();
      if (!(await this.clock.step())) throw new Error("The batch hangs and no timer is left.");
    }
    await run;
  }

  async #abortAfter(ms: number): Promise<void> {
    await this.clock.sleep(ms, this.over.signal);
    this.controller.abort();
  }

  async #execute(): Promise<void> {
    const { isSequential, maxParallel, deadlineMs } = this.schedule;
    const pool: LanePool = this.lanes;
    const { results, lanesUsed } = await executeCalls(
      this.planned,
      {
        mode: isSequential ? "sequential" : "parallel",
        maxParallel,
        startedAtMs: this.beganAtMs,
        deadlineAtMs: this.beganAtMs + deadlineMs,
      },
      {
        clock: this.clock,
        lanes: pool,
        onEvent: async (event) => {
          this.events.push(event);
        },
      },
      this.controller.signal,
    );
    this.results = results;
    this.over.abort();
    this.lanesUsed = lanesUsed;
  }

  /** Work-conserving: a call that waits is kept waiting by a cap, never by the scheduler. */
  #noteIdleSlots(): void {
    if (this.lanes.inFlight >= this.maxInFlight) return;
    const started = new Set(this.lanes.starts.map(({ id }) => id));
    for (const { id, tool, maxParallel } of this.planned) {
      const isHeldByItsTool = maxParallel !== null && this.lanes.inFlightOf(tool) >= maxParallel;
      if (!started.has(id) && !isHeldByItsTool) this.keptWaiting.push(id);
    }
  }

  #script({ id }: PlannedCall): CallScript {
    const plan = this.schedule.calls[Number(id.slice(1))];
    if (plan === undefined) throw new Error(`There is no call ${id}.`);
    return {
      durationMs: plan.durationMs,
      outcome: plan.fails ? FAILED : succeeded(),
      breaks: plan.breaks,
      onAbort: plan.ignoresAbort ? "ignore" : "report",
    };
  }
}

function expectKept(trial: Trial): void {
  const { schedule, planned, results, lanes, events, beganAtMs } = trial;
  expect(results?.map(({ id }) => id)).toEqual(planned.map(({ id }) => id));
  expect(trial.keptWaiting).toEqual([]);
  expect(lanes.maxInFlight).toBeLessThanOrEqual(trial.maxInFlight);
  for (const [tool, max] of lanes.maxInFlightByTool) {
    expect(max).toBeLessThanOrEqual(trial.capOf(tool) ?? Infinity);
  }
  for (const max of lanes.maxInFlightByLane.values())
    expect(max).toBeLessThanOrEqual(schedule.slots);
  expect(trial.lanesUsed).toBe(lanes.maxInFlightByLane.size);
  const lastStartMs = Math.min(schedule.deadlineMs, (schedule.abortAtMs ?? Infinity) + 1);
  for (const { atMs, timeoutMs } of lanes.starts) {
    expect(atMs - beganAtMs).toBeLessThan(lastStartMs);
    expect(timeoutMs).toBeLessThanOrEqual(schedule.deadlineMs - (atMs - beganAtMs));
  }
  expect(new Set(lanes.starts.map(({ id }) => id)).size).toBe(lanes.starts.length);
  for (const { id } of planned) {
    const types = events.flatMap((event) =>
      ("result" in event ? event.result.id : event.id) === id ? [event.type] : [],
    );
    const startEvents = lanes.starts.some((start) => start.id === id) ? ["call.started"] : [];
    expect(types).toEqual([
      "call.queued",
      ...startEvents,
      expect.stringMatching(/completed|failed|cancelled/),
    ]);
  }
}

describe("executeCalls under any schedule of completions, failures and aborts", () => {
  it(
    "keeps call order, every cap, every slot busy, the deadline, and one end for each call",
    { timeout: 60_000 },
    async () => {
      await assert(
        asyncProperty(SCHEDULE, async (schedule) => {
          const trial = new Trial(schedule);
          await trial.run();
          expectKept(trial);
          await trial.clock.settle();
          // What is left waits inside calls that ignore their signal, never inside the scheduler.
          expect(trial.clock.pending).toBe(trial.lanes.inFlight);
        }),
        { seed: 2, numRuns: 250 },
      );
    },
  );
});
