import { describe, expect, it } from "vitest";

import type { RunEvent, RunReport } from "../../src/contract/run.ts";
import type { PlannedCall } from "../../src/orchestration/ports.ts";
import { type CallRun, runCalls } from "../../src/orchestration/run-calls.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import {
  type CallScript,
  FAILED,
  FakeLanes,
  plannedCall,
  succeeded,
} from "../support/fake-lanes.ts";

interface Scene {
  readonly clock: FakeClock;
  readonly lanes: FakeLanes;
  readonly events: RunEvent[];
  readonly controller: AbortController;
  readonly start: (calls: readonly PlannedCall[], changes?: Partial<CallRun>) => Promise<RunReport>;
}

function scene(script: (call: PlannedCall) => CallScript): Scene {
  const clock = new FakeClock();
  const lanes = new FakeLanes(clock, script);
  const events: RunEvent[] = [];
  const controller = new AbortController();
  return {
    clock,
    lanes,
    events,
    controller,
    start: (calls, changes = {}) =>
      runCalls(
        { id: "run_1", calls, mode: "parallel", maxParallel: 64, deadlineMs: 1_000, ...changes },
        {
          clock,
          lanes,
          emit: async (event) => {
            events.push(event);
          },
        },
        controller.signal,
      ),
  };
}

const MIXED: Readonly<Record<string, CallScript>> = {
  good: { durationMs: 100, outcome: succeeded() },
  slow: { durationMs: 300, outcome: succeeded() },
  bad: { durationMs: 50, outcome: FAILED },
};

function mixed(call: PlannedCall): CallScript {
  return MIXED[call.id] ?? { durationMs: 1, outcome: succeeded() };
}

describe("runCalls", () => {
  it("says run.created first and run.completed last, and closes its lanes once", async () => {
    const { clock, lanes, events, start } = scene(mixed);
    const report = await clock.runUntil(start([plannedCall("good")]));
    expect(events.map((event) => event.type)).toEqual([
      "run.created",
      "call.queued",
      "call.started",
      "call.completed",
      "run.completed",
    ]);
    expect(events[0]).toEqual({ type: "run.created", run: "run_1", calls: 1 });
    expect(events.at(-1)).toEqual({ type: "run.completed", report });
    expect(lanes.closed).toBe(1);
  });

  it("reports the critical path, the real time and what one after the other would have cost", async () => {
    const { clock, start } = scene(mixed);
    const report = await clock.runUntil(
      start([plannedCall("good"), plannedCall("slow"), plannedCall("x")]),
    );
    expect(report).toMatchObject({
      id: "run_1",
      status: "completed",
      criticalPathMs: 300,
      durationMs: 300,
      sequentialMs: 401,
      shards: 1,
    });
  });

  it.each([
    ["completed", ["good", "slow"]],
    ["partial", ["good", "bad"]],
    ["failed", ["bad"]],
  ] as const)("is %s for %j", async (status, ids) => {
    const { clock, start } = scene(mixed);
    const report = await clock.runUntil(start(ids.map((id) => plannedCall(id))));
    expect(report.status).toBe(status);
  });

  it("is partial when the deadline leaves finished results", async () => {
    const { clock, start } = scene(mixed);
    const report = await clock.runUntil(
      start([plannedCall("good"), plannedCall("slow")], { deadlineMs: 200 }),
    );
    expect(report.status).toBe("partial");
    expect(report.durationMs).toBe(200);
  });

  it("is cancelled when the signal aborts before all have succeeded", async () => {
    const { clock, lanes, controller, start } = scene(mixed);
    const run = start([plannedCall("good"), plannedCall("slow")]);
    await clock.advance(150);
    controller.abort();
    const report = await clock.runUntil(run);
    expect(report.status).toBe("cancelled");
    expect(report.results.map(({ status }) => status)).toEqual(["succeeded", "cancelled"]);
    expect(lanes.closed).toBe(1);
  });

  it("stays completed when the signal aborts after the last result", async () => {
    const { clock, controller, start } = scene(mixed);
    const run = start([plannedCall("good")]);
    await clock.advance(100);
    controller.abort();
    expect((await clock.runUntil(run)).status).toBe("completed");
  });

  it("closes its lanes when a reader throws", async () => {
    const clock = new FakeClock();
    const lanes = new FakeLanes(clock, mixed);
    const run = runCalls(
      {
        id: "run_1",
        calls: [plannedCall("good")],
        mode: "parallel",
        maxParallel: 1,
        deadlineMs: 1_000,
      },
      { clock, lanes, emit: () => Promise.reject(new Error("reader")) },
      new AbortController().signal,
    );
    await expect(clock.runUntil(run)).rejects.toThrow("reader");
    expect(lanes.closed).toBe(1);
  });
});
