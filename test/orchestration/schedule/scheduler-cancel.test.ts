import { describe, expect, it } from "vitest";

import type { CallResult } from "../../../src/contract/run.ts";
import { OVERDUE_GRACE_MS, STOP_GRACE_MS } from "../../../src/orchestration/schedule/outcomes.ts";
import { scene, take } from "../../support/execute-scene.ts";
import { plannedCall, succeeded } from "../../support/fake-lanes.ts";

const needing = (id: string, ...needs: string[]) => plannedCall(id, { needs });
const ends = (results: readonly CallResult[]) =>
  results.map(({ id, status, error }) => [id, status, error?.code]);

describe("cancelling a part of a run", () => {
  it("lets a waiting call leave at once, aborts a running one, and touches no other", async () => {
    const { clock, lanes, open } = scene(take(100));
    const scheduler = open({ maxParallel: 2 });
    scheduler.submit(["a", "b", "c", "d"].map((id) => plannedCall(id)));
    scheduler.submit([needing("after", "c")]);
    scheduler.seal();
    await clock.advance(10);
    expect(scheduler.cancel({ call: "c" })).toBe(1);
    expect(await scheduler.result("c")).toMatchObject({ status: "cancelled", attempts: 0 });
    expect(await scheduler.result("after")).toMatchObject({ status: "skipped" });
    expect(scheduler.cancel({ call: "a" })).toBe(1);
    expect(scheduler.cancel({ call: "a" })).toBe(0);
    expect(scheduler.cancel({ call: "nobody" })).toBe(0);
    const { results } = await clock.runUntil(scheduler.finish());
    expect(lanes.aborted).toEqual(["a"]);
    expect(ends(results)).toEqual([
      ["a", "cancelled", "cancelled"],
      ["b", "succeeded", undefined],
      ["c", "cancelled", "cancelled"],
      ["d", "succeeded", undefined],
      ["after", "skipped", "dependency_failed"],
    ]);
    // The slot of the cancelled call went to the next one.
    expect(results[3]).toMatchObject({ startedMs: 10 });
  });

  it("keeps a branch cancelled for later calls until it is reset", async () => {
    const { clock, open } = scene(take(10));
    const scheduler = open();
    scheduler.submit([plannedCall("a", { branch: "b1" }), plannedCall("x", { branch: "b2" })]);
    expect(scheduler.cancel({ branch: "b1" })).toBe(1);
    scheduler.submit([plannedCall("b", { branch: "b1" })]);
    scheduler.reset("b1");
    scheduler.submit([plannedCall("c", { branch: "b1" })]);
    scheduler.seal();
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results.map(({ id, status }) => [id, status])).toEqual([
      ["a", "cancelled"],
      ["x", "succeeded"],
      ["b", "cancelled"],
      ["c", "succeeded"],
    ]);
  });

  it("leaves a call that ignores its abort behind after the grace, its slot still taken", async () => {
    const { clock, lanes, open } = scene(
      (call) => ({
        durationMs: call.id === "deaf" ? 5_000 : 10,
        outcome: succeeded(),
        onAbort: "ignore",
      }),
      1,
    );
    const scheduler = open({ maxParallel: 1 });
    scheduler.submit([plannedCall("deaf", { effect: "write" }), plannedCall("next")]);
    scheduler.seal();
    await clock.advance(10);
    scheduler.cancel({ call: "deaf" });
    await clock.advance(STOP_GRACE_MS);
    expect(await scheduler.result("deaf")).toMatchObject({
      status: "outcome_unknown",
      durationMs: 10 + STOP_GRACE_MS,
    });
    expect(lanes.starts).toHaveLength(1);
    await clock.runUntil(scheduler.finish());
    expect(lanes.starts[1]?.atMs).toBe(6_000);
  });

  it("is not held up by a lane that ignores the timeout of its call", async () => {
    const { clock, start } = scene((call) => ({
      durationMs: call.id === "deaf" ? 50_000 : 10,
      outcome: succeeded(),
      onAbort: "ignore",
    }));
    const begin = clock.now();
    const calls = [plannedCall("deaf", { timeoutMs: 100 }), needing("b", "deaf")];
    const { results } = await clock.runUntil(start([...calls, plannedCall("c")]));
    expect(clock.now() - begin).toBe(100 + OVERDUE_GRACE_MS);
    expect(ends(results)).toEqual([
      ["deaf", "timeout", "tool_timeout"],
      ["b", "skipped", "dependency_failed"],
      ["c", "succeeded", undefined],
    ]);
  });

  it("ends calls that are submitted after a stop at once", async () => {
    const { clock, controller, open } = scene(take(10));
    const scheduler = open();
    scheduler.submit([plannedCall("a")]);
    controller.abort();
    scheduler.submit([plannedCall("b"), needing("c", "a")]);
    scheduler.seal();
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results.map(({ status }) => status)).toEqual(["cancelled", "cancelled", "cancelled"]);
  });
});
