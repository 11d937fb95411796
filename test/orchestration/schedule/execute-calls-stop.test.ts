import { describe, expect, it } from "vitest";

import { executeCalls } from "../../../src/orchestration/schedule/execute-calls.ts";
import { STOP_GRACE_MS } from "../../../src/orchestration/schedule/outcomes.ts";
import { durations, scene, take } from "../../support/execute-scene.ts";
import { FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";

describe("executeCalls at its deadline or when cancelled", () => {
  it("counts a call's timeout from its slot and never gives more than what is left of the deadline", async () => {
    const { clock, lanes, start } = scene(take(60));
    const call = { timeoutMs: 70 };
    await clock.runUntil(
      start([plannedCall("a", call), plannedCall("b", call)], {
        maxParallel: 1,
        deadlineAtMs: clock.now() + 100,
      }),
    );
    expect(lanes.starts.map(({ timeoutMs }) => timeoutMs)).toEqual([70, 40]);
  });

  it("keeps a call's own timeout apart from the run's deadline", async () => {
    const { clock, start } = scene(take(500));
    const { results } = await clock.runUntil(
      start([plannedCall("own", { timeoutMs: 50 }), plannedCall("cut")], {
        deadlineAtMs: clock.now() + 100,
      }),
    );
    expect(results).toMatchObject([
      { status: "timeout", error: { code: "tool_timeout" }, durationMs: 50 },
      { status: "timeout", error: { code: "deadline_exceeded" }, durationMs: 100 },
    ]);
  });

  it("returns at the deadline what is finished; running and waiting calls are timeouts", async () => {
    const { clock, lanes, start } = scene(durations({ fast: 10, slow: 500, later: 10 }));
    const calls = [
      plannedCall("fast"),
      plannedCall("slow"),
      plannedCall("later", { tool: "one", maxParallel: 1 }),
    ];
    const blocked = plannedCall("blocked", { tool: "one", maxParallel: 1 });
    const begin = clock.now();
    const { results } = await clock.runUntil(
      start([...calls, blocked], { maxParallel: 2, deadlineAtMs: begin + 15 }),
    );
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ["succeeded", undefined],
      ["timeout", "deadline_exceeded"],
      ["timeout", "deadline_exceeded"],
      ["timeout", "deadline_exceeded"],
    ]);
    expect(results[3]).toMatchObject({ attempts: 0, durationMs: 0, queuedMs: 15, cache: "bypass" });
    expect(clock.now() - begin).toBe(15);
    expect(lanes.inFlight).toBe(0);
  });

  it("does not wait for lanes that ignore the deadline longer than the grace", async () => {
    const { clock, start } = scene(() => ({
      durationMs: 5_000,
      outcome: succeeded(),
      onAbort: "ignore",
    }));
    const begin = clock.now();
    const calls = [plannedCall("read"), plannedCall("w", { effect: "write" })];
    const { results } = await clock.runUntil(start(calls, { deadlineAtMs: begin + 100 }));
    expect(clock.now() - begin).toBe(100 + STOP_GRACE_MS);
    expect(results).toMatchObject([
      { status: "timeout", error: { code: "deadline_exceeded" } },
      { status: "outcome_unknown", error: { code: "deadline_exceeded" } },
    ]);
  });

  it("takes what a lane reports within the grace", async () => {
    const unknown = { ...FAILED, status: "outcome_unknown" as const };
    const { clock, start } = scene((call) => ({
      durationMs: 5_000,
      outcome: succeeded(),
      onAbort: { afterMs: 5, outcome: call.id === "w" ? unknown : succeeded("late") },
    }));
    const calls = [plannedCall("w", { effect: "write" }), plannedCall("late")];
    const { results } = await clock.runUntil(start(calls, { deadlineAtMs: clock.now() + 100 }));
    expect(results.map(({ status }) => status)).toEqual(["outcome_unknown", "succeeded"]);
    expect(clock.pending).toBe(0);
  });

  it("names the deadline when a lane reports only that it was aborted", async () => {
    const cancelled = { ...FAILED, status: "cancelled" as const };
    const { clock, start } = scene(() => ({
      durationMs: 5_000,
      outcome: succeeded(),
      onAbort: { afterMs: 1, outcome: cancelled },
    }));
    const { results } = await clock.runUntil(
      start([plannedCall("a", { timeoutMs: 50 })], { deadlineAtMs: clock.now() + 100 }),
    );
    expect(results).toMatchObject([{ status: "timeout", error: { code: "deadline_exceeded" } }]);
  });

  it("starts nothing when the deadline has already passed", async () => {
    const { clock, lanes, start } = scene(take(1));
    const { results } = await clock.runUntil(
      start([plannedCall("a")], { deadlineAtMs: clock.now() }),
    );
    expect(results).toMatchObject([{ status: "timeout", attempts: 0 }]);
    expect(lanes.starts).toEqual([]);
  });

  it("starts nothing after the deadline even when its timer is late", async () => {
    const { clock, lanes } = scene(take(50));
    const lateTimer = {
      now: () => clock.now(),
      sleep: (ms: number, s: AbortSignal) => clock.sleep(ms + 500, s),
    };
    const deadlineAtMs = clock.now() + 20;
    const run = executeCalls(
      [plannedCall("a"), plannedCall("b")],
      { mode: "sequential", maxParallel: 1, startedAtMs: clock.now(), deadlineAtMs },
      { clock: lateTimer, lanes, onEvent: async () => undefined },
      new AbortController().signal,
    );
    const { results } = await clock.runUntil(run);
    expect(lanes.starts.map(({ id }) => id)).toEqual(["a"]);
    expect(results[1]).toMatchObject({ status: "timeout", error: { code: "deadline_exceeded" } });
  });

  it("aborts what runs and cancels what waits when the signal aborts", async () => {
    const { clock, lanes, events, controller, start } = scene(take(500));
    const run = start([plannedCall("a"), plannedCall("b")], { maxParallel: 1 });
    await clock.advance(10);
    controller.abort();
    const { results } = await clock.runUntil(run);
    expect(lanes.aborted).toEqual(["a"]);
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ["cancelled", "cancelled"],
      ["cancelled", "cancelled"],
    ]);
    expect(events.filter((event) => event.type === "call.cancelled")).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it("gives a running write of either kind that did not say the status outcome_unknown on a cancel too", async () => {
    const { clock, controller, start } = scene(() => ({
      durationMs: 5_000,
      outcome: succeeded(),
      onAbort: "ignore",
    }));
    const put = plannedCall("p", { effect: "idempotent_write" });
    const run = start([plannedCall("w", { effect: "write" }), put, plannedCall("r")]);
    await clock.advance(10);
    controller.abort();
    const { results } = await clock.runUntil(run);
    expect(results.map(({ status }) => status)).toEqual([
      "outcome_unknown",
      "outcome_unknown",
      "cancelled",
    ]);
  });

  it("starts nothing when the signal has already aborted", async () => {
    const { clock, lanes, controller, start } = scene(take(1));
    controller.abort();
    const { results, lanesUsed } = await clock.runUntil(start([plannedCall("a")]));
    expect(results).toMatchObject([{ status: "cancelled", attempts: 0 }]);
    expect(lanes.starts).toEqual([]);
    expect(lanesUsed).toBe(0);
  });

  it("leaves no timer and no listener behind", async () => {
    const { clock, start } = scene(take(10));
    await clock.runUntil(start([plannedCall("a"), plannedCall("b")]));
    await clock.settle();
    expect(clock.pending).toBe(0);
  });
});
