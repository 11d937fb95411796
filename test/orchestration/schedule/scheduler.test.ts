import { describe, expect, it } from "vitest";
import { expectToolCalls } from "../../../src/library/testing/expect-tool-calls.ts";

import type { BindCall } from "../../../src/contract/planned-call.ts";
import type { CallResult } from "../../../src/contract/run.ts";
import { fail, ok } from "../../../src/platform/result.ts";
import { durations, scene, take } from "../../support/execute-scene.ts";
import { FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";

const needing = (id: string, ...needs: string[]) => plannedCall(id, { needs });
const ends = (results: readonly CallResult[]) =>
  results.map(({ id, status, error }) => [id, status, error?.code]);

describe("a dataflow of calls", () => {
  it("starts a call the moment what it needs is there: A(0.1 s) → B beside C(2 s) takes 2 s", async () => {
    const { clock, lanes, start } = scene(durations({ a: 100, b: 100, c: 2_000 }));
    const begin = clock.now();
    await clock.runUntil(start([plannedCall("a"), needing("b", "a"), plannedCall("c")]));
    expect(lanes.starts.map(({ id, atMs }) => [id, atMs - begin])).toEqual([
      ["a", 0],
      ["c", 0],
      ["b", 100],
    ]);
    expect(clock.now() - begin).toBe(2_000);
  });

  it("makes calls inside the run without a slot, and those of nobody not at all", async () => {
    const { clock, lanes, start } = scene(take(10));
    const inside = {
      owns: ({ tool }: { readonly tool: string }) => tool === "chain",
      run: () => Promise.resolve(succeeded("made inside")),
    };
    const calls = [plannedCall("a"), plannedCall("b", { tool: "chain" })];
    const { results } = await clock.runUntil(start(calls, { maxParallel: 1 }, { inside }));
    expect(lanes.starts.map(({ id }) => id)).toEqual(["a"]);
    expect(results).toMatchObject([
      { id: "a", status: "succeeded" },
      { id: "b", outputJson: '"made inside"' },
    ]);
  });

  it("starts the call with the longest chain behind it first", async () => {
    const { clock, lanes, start } = scene(take(10));
    const calls = [
      plannedCall("lone"),
      plannedCall("head"),
      needing("middle", "head"),
      needing("tail", "middle"),
    ];
    await clock.runUntil(start(calls, { maxParallel: 1 }));
    expect(lanes.starts.map(({ id }) => id)).toEqual(["head", "middle", "lone", "tail"]);
  });

  it("gives results in the order of the calls and counts waiting from the moment the needs were there", async () => {
    const { clock, start } = scene(durations({ a: 100, b: 50 }));
    const { results } = await clock.runUntil(start([needing("b", "a"), plannedCall("a")]));
    expectToolCalls(results.toReversed()).toBe("a", "b").inOrder();
    expect(results).toMatchObject([
      { id: "b", queuedMs: 0, startedMs: 100, durationMs: 50 },
      { id: "a", queuedMs: 0, startedMs: 0, durationMs: 100 },
    ]);
  });

  it("skips what needs a call that failed, transitively, and lets the others go on", async () => {
    const { clock, lanes, events, start } = scene((call) => ({
      durationMs: 10,
      outcome: call.id === "bad" ? FAILED : succeeded(),
    }));
    const calls = [
      plannedCall("bad"),
      plannedCall("good"),
      needing("b", "bad", "good"),
      needing("c", "b"),
      needing("d", "good"),
    ];
    const { results } = await clock.runUntil(start(calls));
    expect(ends(results)).toEqual([
      ["bad", "failed", "upstream_status"],
      ["good", "succeeded", undefined],
      ["b", "skipped", "dependency_failed"],
      ["c", "skipped", "dependency_failed"],
      ["d", "succeeded", undefined],
    ]);
    expect(results[3]).toMatchObject({ attempts: 0, durationMs: 0, queuedMs: 0 });
    expect(lanes.starts.map(({ id }) => id)).toEqual(["bad", "good", "d"]);
    const typesOf = (id: string) =>
      events.filter((event) => ("result" in event ? event.result.id : event.id) === id);
    expect(typesOf("c").map(({ type }) => type)).toEqual(["call.queued", "call.failed"]);
  });

  it("ends calls in a cycle, behind one, or in need of nobody as skipped", async () => {
    const { clock, start } = scene(take(10));
    const calls = [
      plannedCall("a"),
      needing("x", "y"),
      needing("y", "x"),
      needing("self", "self"),
      needing("behind", "x"),
      needing("lost", "nowhere"),
    ];
    const { results } = await clock.runUntil(start(calls));
    expect(ends(results)).toEqual([
      ["a", "succeeded", undefined],
      ...["x", "y", "self", "behind", "lost"].map((id) => [id, "skipped", "dependency_failed"]),
    ]);
    expect(clock.pending).toBe(0);
  });

  it("binds a call as it starts and runs what it was bound to", async () => {
    const bind: BindCall = (call, results) =>
      ok({ ...call, arguments: { from: results.get("a")?.outputJson ?? "" } });
    const seen: unknown[] = [];
    const { clock, start } = scene((call) => {
      seen.push(call.arguments);
      return { durationMs: 10, outcome: succeeded(call.id) };
    });
    await clock.runUntil(start([needing("b", "a"), plannedCall("a")], {}, { bind }));
    expect(seen).toEqual([{}, { from: '"a"' }]);
  });

  it("fails a call that cannot be bound, skips what needs it, and takes no slot for it", async () => {
    const bind: BindCall = () => fail({ code: "arguments_invalid", message: "No such item." });
    const { clock, lanes, start } = scene(take(10));
    const calls = [plannedCall("a"), needing("b", "a"), needing("c", "b")];
    const { results } = await clock.runUntil(start(calls, { maxParallel: 1 }, { bind }));
    expect(ends(results)).toEqual([
      ["a", "succeeded", undefined],
      ["b", "failed", "arguments_invalid"],
      ["c", "skipped", "dependency_failed"],
    ]);
    expect(results[1]).toMatchObject({ attempts: 0 });
    expect(lanes.starts).toHaveLength(1);
  });

  it("ends every call and throws what a binding threw, since that is a bug", async () => {
    const bind: BindCall = () => {
      throw new Error("binding");
    };
    const { clock, events, start } = scene(take(10));
    const run = start([plannedCall("a"), needing("b", "a")], {}, { bind });
    await expect(clock.runUntil(run)).rejects.toThrow("binding");
    expect(events.filter(({ type }) => type === "call.failed")).toHaveLength(1);
  });
});

describe("an open-ended scheduler", () => {
  it("takes calls while others run, also ones that need calls still to come", async () => {
    const { clock, lanes, open } = scene(take(10));
    const scheduler = open();
    scheduler.submit([needing("b", "a")]);
    await clock.advance(5);
    scheduler.submit([plannedCall("a")]);
    const first = scheduler.result("a");
    await clock.advance(10);
    expect(await first).toMatchObject({ id: "a", status: "succeeded", startedMs: 5 });
    scheduler.submit([needing("c", "a")]);
    scheduler.seal();
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results.map(({ id, startedMs }) => [id, startedMs])).toEqual([
      ["b", 15],
      ["a", 5],
      ["c", 15],
    ]);
    expect(lanes.starts).toHaveLength(3);
    expect(clock.pending).toBe(0);
  });

  it("does not end before it is sealed", async () => {
    const { clock, open } = scene(take(10));
    const scheduler = open();
    scheduler.submit([plannedCall("a")]);
    const finish = scheduler.finish();
    await clock.advance(100);
    expect(await Promise.race([finish, Promise.resolve("open")])).toBe("open");
    scheduler.seal();
    await clock.runUntil(finish);
  });

  it("refuses a second call of one id, a call after the seal, and the result of an unknown call", () => {
    const { open } = scene(take(10));
    const scheduler = open();
    scheduler.submit([plannedCall("a")]);
    expect(() => scheduler.submit([plannedCall("a")])).toThrow(/two calls "a"/);
    expect(() => scheduler.result("b")).toThrow(/no call "b"/);
    scheduler.seal();
    expect(() => scheduler.submit([plannedCall("b")])).toThrow(/sealed/);
  });

  it("tells listeners before anything the result makes possible starts", async () => {
    const { clock, lanes, open } = scene(durations({ fast: 10, slow: 500 }));
    const scheduler = open({ maxParallel: 2 });
    const told: string[] = [];
    const stopListening = scheduler.onSettled(({ id }) => {
      told.push(id);
      if (id === "fast") scheduler.cancel({ branch: "losers" });
    });
    const loser = { branch: "losers" };
    scheduler.submit([
      plannedCall("fast"),
      plannedCall("slow", loser),
      plannedCall("waiting", loser),
      plannedCall("dependent", { needs: ["fast"], ...loser }),
    ]);
    scheduler.seal();
    await clock.advance(10);
    expect(lanes.starts.map(({ id }) => id)).toEqual(["fast", "slow"]);
    expect(lanes.aborted).toEqual(["slow"]);
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results.map(({ status }) => status)).toEqual([
      "succeeded",
      "cancelled",
      "cancelled",
      "cancelled",
    ]);
    expect(told).toHaveLength(4);
    stopListening();
  });

  it("lets a listener submit what comes next", async () => {
    const { clock, open } = scene(take(10));
    const scheduler = open();
    scheduler.onSettled(({ id }) => {
      if (id === "c5") scheduler.seal();
      else scheduler.submit([plannedCall(`c${Number(id.slice(1)) + 1}`)]);
    });
    scheduler.submit([plannedCall("c1")]);
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results.map(({ id, startedMs }) => [id, startedMs])).toEqual([
      ["c1", 0],
      ["c2", 10],
      ["c3", 20],
      ["c4", 30],
      ["c5", 40],
    ]);
  });

  it("ends at once what ended in an earlier life, whatever it needs and whatever is cancelled", async () => {
    const { clock, lanes, open } = scene(take(10));
    const known = new Map([["b", succeeded("before")]]);
    const scheduler = open({ known });
    scheduler.cancel({ branch: "gone" });
    scheduler.submit([
      plannedCall("a", { branch: "gone" }),
      { ...needing("b", "a"), branch: "gone" },
      needing("c", "b"),
    ]);
    scheduler.seal();
    const { results } = await clock.runUntil(scheduler.finish());
    expect(results.map(({ id, status }) => [id, status])).toEqual([
      ["a", "cancelled"],
      ["b", "succeeded"],
      ["c", "succeeded"],
    ]);
    expect(lanes.starts.map(({ id }) => id)).toEqual(["c"]);
  });

  it("ends every call and throws what a listener threw, since that is a bug", async () => {
    const { clock, open } = scene(take(10));
    const scheduler = open();
    scheduler.onSettled(() => {
      throw new Error("listener");
    });
    scheduler.submit([plannedCall("a"), needing("b", "a")]);
    scheduler.seal();
    const last = scheduler.result("b");
    await expect(clock.runUntil(scheduler.finish())).rejects.toThrow("listener");
    expect(await last).toMatchObject({ status: "succeeded" });
  });
});
