import { describe, expect, it } from "vitest";

import { executeCalls } from "../../../src/orchestration/schedule/execute-calls.ts";
import { durations, scene, take } from "../../support/execute-scene.ts";
import { expectToolCalls } from "../../../src/library/testing/expect-tool-calls.ts";
import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import { FAILED, FakeLanes, plannedCall, succeeded } from "../../support/fake-lanes.ts";

describe("executeCalls", () => {
  it("gives results in call order and events fastest first", async () => {
    const { clock, events, start } = scene(durations({ a: 30, b: 10, c: 20 }));
    const { results } = await clock.runUntil(start(["a", "b", "c"].map((id) => plannedCall(id))));
    expect(results.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(results.map((result) => result.outputJson)).toEqual(['"a"', '"b"', '"c"']);
    const landed = events.flatMap((event) =>
      event.type === "call.completed" ? [event.result.id] : [],
    );
    expect(landed).toEqual(["b", "c", "a"]);
    expect(events.slice(0, 3).map((event) => event.type)).toEqual([
      "call.queued",
      "call.queued",
      "call.queued",
    ]);
  });

  it("measures waiting, start and duration from the start of the run", async () => {
    const { clock, start } = scene(take(100));
    const startedAtMs = clock.now() - 50;
    const { results } = await clock.runUntil(
      start([plannedCall("a"), plannedCall("b")], { maxParallel: 1, startedAtMs }),
    );
    expect(results).toMatchObject([
      { queuedMs: 0, startedMs: 50, durationMs: 100 },
      { queuedMs: 100, startedMs: 150, durationMs: 100 },
    ]);
  });

  it("runs nothing and asks for no lane when there is no call", async () => {
    const { lanes, clock, start } = scene(take(1));
    expect(await start([])).toEqual({ results: [], lanesUsed: 0 });
    expect(lanes.asked).toEqual([]);
    await clock.settle();
    expect(clock.pending).toBe(0);
  });

  it("never has more than maxParallel calls in flight and asks for no more lanes than that", async () => {
    const { clock, lanes, start } = scene(take(10));
    const calls = Array.from({ length: 20 }, (_, index) => plannedCall(`c${index}`));
    const { lanesUsed, results } = await clock.runUntil(start(calls, { maxParallel: 7 }));
    expectToolCalls(results).maxConcurrentCalls(7).totalDuration({ atLeast: 30, atMost: 30 });
    expect(lanes.maxInFlight).toBe(7);
    expect(lanes.asked).toEqual([7]);
    expect(lanesUsed).toBe(2);
  });

  it("never has more in flight on a lane than the lane has slots", async () => {
    const { clock, lanes, start } = scene(take(10), 3);
    await clock.runUntil(start(Array.from({ length: 20 }, (_, index) => plannedCall(`c${index}`))));
    expect([...lanes.maxInFlightByLane.values()]).toEqual([3, 3, 3, 3, 3, 3, 2]);
  });

  it("works through a backlog when the platform gives fewer slots than asked", async () => {
    const { clock, lanes } = scene(take(10));
    const few = { lanes: () => lanes.lanes(1), close: () => undefined };
    const calls = Array.from({ length: 12 }, (_, index) => plannedCall(`c${index}`));
    const { results } = await clock.runUntil(
      executeCalls(
        calls,
        {
          mode: "parallel",
          maxParallel: 64,
          startedAtMs: clock.now(),
          deadlineAtMs: clock.now() + 1_000,
        },
        { clock, lanes: few, onEvent: async () => undefined },
        new AbortController().signal,
      ),
    );
    expect(results.map((result) => result.queuedMs)).toEqual([
      0, 0, 0, 0, 0, 10, 10, 10, 10, 10, 20, 20,
    ]);
  });

  it("has no waves: a free slot takes the next call at once", async () => {
    const { clock, lanes, start } = scene(durations({ slow: 100, a: 10, b: 10, c: 10 }));
    const calls = ["slow", "a", "b", "c"].map((id) => plannedCall(id));
    const begin = clock.now();
    await clock.runUntil(start(calls, { maxParallel: 2 }));
    expect(lanes.starts.map(({ id, atMs }) => [id, atMs - begin])).toEqual([
      ["slow", 0],
      ["a", 0],
      ["b", 10],
      ["c", 20],
    ]);
  });

  it("never lets a capped tool block other tools", async () => {
    const { clock, lanes, start } = scene(take(10));
    const capped = ["a", "b", "c"].map((id) => plannedCall(id, { tool: "capped", maxParallel: 1 }));
    const free = ["x", "y"].map((id) => plannedCall(id, { tool: "free" }));
    const { results } = await clock.runUntil(start([...capped, ...free], { maxParallel: 4 }));
    expect(lanes.maxInFlightByTool.get("capped")).toBe(1);
    expectToolCalls(results).of("capped").inOrder();
    expectToolCalls(results).of("a", "free").inParallel();
  });

  it("runs one after the other on one lane in sequential mode", async () => {
    const { clock, lanes, start } = scene(take(10));
    const { lanesUsed, results } = await clock.runUntil(
      start(
        ["a", "b", "c"].map((id) => plannedCall(id)),
        { mode: "sequential" },
      ),
    );
    expectToolCalls(results).inOrder().maxConcurrentCalls(1);
    expect(lanes.maxInFlight).toBe(1);
    expect(lanes.asked).toEqual([1]);
    expect(lanes.starts.map(({ id }) => id)).toEqual(["a", "b", "c"]);
    expect(lanesUsed).toBe(1);
  });

  it("lets a failing call cost nothing but itself", async () => {
    const { clock, events, start } = scene((call) => ({
      durationMs: 5,
      outcome: call.id === "bad" ? FAILED : succeeded(),
    }));
    const { results } = await clock.runUntil(start([plannedCall("bad"), plannedCall("good")]));
    expect(results.map((result) => result.status)).toEqual(["failed", "succeeded"]);
    expect(events.map((event) => event.type)).toContain("call.failed");
  });

  it("turns a lane that breaks into a failed call, and into outcome_unknown for a write", async () => {
    const { clock, start } = scene(() => ({ durationMs: 5, outcome: succeeded(), breaks: true }));
    const { results } = await clock.runUntil(
      start([plannedCall("read"), plannedCall("w", { effect: "write" })]),
    );
    expect(results).toMatchObject([
      { status: "failed", error: { code: "internal" } },
      { status: "outcome_unknown", error: { code: "internal" } },
    ]);
  });

  it("lets a slow reader delay the answer but not the calls", async () => {
    const clock = new FakeClock();
    const lanes = new FakeLanes(clock, take(10));
    const seen: string[] = [];
    const run = executeCalls(
      ["a", "b", "c"].map((id) => plannedCall(id)),
      {
        mode: "sequential",
        maxParallel: 1,
        startedAtMs: clock.now(),
        deadlineAtMs: clock.now() + 60_000,
      },
      {
        clock,
        lanes,
        onEvent: async (event) => {
          await clock.sleep(100, new AbortController().signal);
          seen.push(event.type);
        },
      },
      new AbortController().signal,
    );
    const begin = clock.now();
    const { results } = await clock.runUntil(run);
    expect(results.map(({ startedMs }) => startedMs)).toEqual([0, 10, 20]);
    expect(seen).toHaveLength(9);
    expect(clock.now() - begin).toBe(900);
  });

  it("passes on what a reader throws, since that is a bug", async () => {
    const clock = new FakeClock();
    const lanes = new FakeLanes(clock, take(10));
    const run = executeCalls(
      [plannedCall("a")],
      {
        mode: "parallel",
        maxParallel: 1,
        startedAtMs: clock.now(),
        deadlineAtMs: clock.now() + 60_000,
      },
      { clock, lanes, onEvent: () => Promise.reject(new Error("reader")) },
      new AbortController().signal,
    );
    await expect(clock.runUntil(run)).rejects.toThrow("reader");
  });
});
