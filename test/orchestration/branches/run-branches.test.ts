import { describe, expect, it } from "vitest";

import type { PlannedCall } from "../../../src/orchestration/ports.ts";
import { branchCall, branchScene, statuses } from "../../support/branch-scene.ts";
import { type CallScript, FAILED, plannedCall, succeeded } from "../../support/fake-lanes.ts";

function byId(scripts: Readonly<Record<string, CallScript>>) {
  return ({ id }: PlannedCall): CallScript =>
    scripts[id] ?? { durationMs: 10, outcome: succeeded() };
}

const after = (durationMs: number, output: unknown = {}): CallScript => ({
  durationMs,
  outcome: succeeded(output),
});

const RACE = { group: "race", policy: "first_success" } as const;

describe("a group of a run", () => {
  it("aborts running losers and drops waiting ones at the winner's moment; the run is completed", async () => {
    const { clock, lanes, events, start } = branchScene(
      byId({ a: after(50), b: after(500), c: after(30) }),
    );
    const calls = [
      branchCall("a", "one"),
      branchCall("b", "two"),
      branchCall("b2", "two", { needs: ["b"] }),
      branchCall("c", "aside"),
    ];
    const run = start(calls, { one: RACE, two: { group: "race" }, aside: {} });
    await clock.advance(50);
    expect(lanes.aborted).toEqual(["b"]);
    const report = await clock.runUntil(run);
    expect(report.durationMs).toBe(50);
    expect(report.status).toBe("completed");
    expect(statuses(report)).toEqual({
      a: "succeeded",
      b: "cancelled",
      b2: "cancelled",
      c: "succeeded",
    });
    expect(report.branches).toEqual({
      one: { status: "won", group: "race" },
      two: { status: "lost", group: "race" },
      aside: { status: "succeeded" },
    });
    expect(events.filter(({ type }) => type === "call.cancelled")).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it("gives the losers' slots to whoever waits, at once", async () => {
    const { clock, lanes, start } = branchScene(
      byId({ a: after(50), b: after(900), next: after(5) }),
    );
    const calls = [branchCall("a", "one"), branchCall("b", "two"), plannedCall("next")];
    const run = start(calls, { one: RACE, two: { group: "race" } }, "all", { maxParallel: 2 });
    const report = await clock.runUntil(run);
    expect(lanes.starts.at(-1)).toMatchObject({ id: "next", atMs: 1_050 });
    expect(report.durationMs).toBe(55);
  });

  it("leaves the results of other branches as they are without the group's decision", async () => {
    const script = byId({
      a: after(50),
      b: after(500),
      x: after(80, { n: 1 }),
      y: after(120, { n: 2 }),
    });
    const rivals = [branchCall("a", "one"), branchCall("b", "two")];
    const others = [branchCall("x", "three"), branchCall("y", "three", { needs: ["x"] })];
    const alone = branchScene(script);
    const beside = branchScene(script);
    const expected = await alone.clock.runUntil(alone.start(others, { three: {} }));
    const report = await beside.clock.runUntil(
      beside.start([...rivals, ...others], { one: RACE, two: { group: "race" }, three: {} }),
    );
    expect(report.results.slice(2)).toEqual(expected.results);
  });

  it("first_good: reads the score from the branch's last result", async () => {
    const good = { group: "g", policy: "first_good", threshold: 4, score: "#/rating" } as const;
    const { clock, start } = branchScene(
      byId({
        a: after(10, { rating: 3 }),
        b: after(20, { rating: 4.5 }),
        c: after(900, { rating: 5 }),
      }),
    );
    const calls = [branchCall("a", "one"), branchCall("b", "two"), branchCall("c", "three")];
    const report = await clock.runUntil(
      start(calls, { one: good, two: { group: "g" }, three: { group: "g" } }, "best"),
    );
    expect(report.branches).toEqual({
      one: { status: "lost", group: "g", score: 3 },
      two: { status: "won", group: "g", score: 4.5 },
      three: { status: "lost", group: "g" },
    });
    expect(report.aggregate).toMatchObject({ policy: "best", call: "b" });
  });

  it("asks a scorer tool with the branch's results; its calls are no results of the run", async () => {
    const scores: Readonly<Record<string, number>> = { one: 1, two: 7 };
    const { clock, lanes, events, start } = branchScene(({ id, tool, arguments: { branch } }) =>
      tool === "judge"
        ? after(5, { score: scores[String(branch)] })
        : after(id === "a" ? 10 : 20, { from: id }),
    );
    const best = { group: "g", policy: "top_n", keep: 1, score: "judge" } as const;
    const calls = [branchCall("a", "one"), branchCall("b", "two")];
    const report = await clock.runUntil(start(calls, { one: best, two: { group: "g" } }));
    expect(report.branches).toMatchObject({
      one: { score: 1, status: "lost" },
      two: { score: 7, status: "won" },
    });
    expect(report.results.map(({ id }) => id)).toEqual(["a", "b"]);
    expect(lanes.starts.map(({ id }) => id)).toEqual(["a", "b", "one/score", "two/score"]);
    expect(events.filter(({ type }) => type === "call.started")).toHaveLength(4);
  });

  it("cuts a slow branch once half of the group has succeeded and the grace is over", async () => {
    const slow = { group: "g", slow_after_ms: 100, grace_ms: 40 } as const;
    const { clock, start } = branchScene(byId({ a: after(90), b: after(5_000) }));
    const calls = [branchCall("a", "one"), branchCall("b", "two")];
    const report = await clock.runUntil(start(calls, { one: slow, two: { group: "g" } }));
    expect(report.durationMs).toBe(130);
    expect(report.branches).toMatchObject({ one: { status: "won" }, two: { status: "cut" } });
    expect(report.status).toBe("completed");
  });

  it("fails a branch with its first failed call, and skips what needs another branch's lost call", async () => {
    const { clock, start } = branchScene(
      byId({ a: { durationMs: 5, outcome: FAILED }, b: after(50), c: after(900) }),
    );
    const calls = [
      branchCall("a", "one"),
      branchCall("a2", "one"),
      branchCall("b", "two"),
      branchCall("c", "three"),
      plannedCall("after_c", { needs: ["c"] }),
    ];
    const report = await clock.runUntil(
      start(calls, { one: RACE, two: { group: "race" }, three: { group: "race" } }),
    );
    expect(report.branches).toMatchObject({ one: { status: "failed" }, two: { status: "won" } });
    expect(statuses(report)).toMatchObject({ a: "failed", a2: "succeeded", after_c: "skipped" });
    expect(report.status).toBe("partial");
  });

  it("ends at the deadline with what there is", async () => {
    const { clock, start } = branchScene(byId({ a: after(5_000), b: after(9_000) }));
    const run = start(
      [branchCall("a", "one"), branchCall("b", "two")],
      { one: RACE, two: { group: "race" } },
      "first_success",
      { deadlineMs: 100 },
    );
    const report = await clock.runUntil(run);
    expect(report.durationMs).toBe(100);
    expect(report.branches).toMatchObject({ one: { status: "failed" }, two: { status: "failed" } });
    expect(report.aggregate).toMatchObject({ error: { code: "no_result" } });
    expect(clock.pending).toBe(0);
  });
});

describe("cancelling a part of a run", () => {
  it("cancels one branch and nothing else; it stays cancelled", async () => {
    const { clock, lanes, control, start } = branchScene(byId({ a: after(100), x: after(60, 1) }));
    const calls = [
      branchCall("a", "one"),
      branchCall("a2", "one", { needs: ["x"] }),
      plannedCall("x"),
    ];
    const run = start(calls, { one: {} });
    await clock.advance(20);
    expect(control.cancel({ branch: "one", reset: false })).toBe(true);
    expect(control.cancel({ branch: "none", reset: false })).toBe(false);
    const report = await clock.runUntil(run);
    expect(statuses(report)).toEqual({ a: "cancelled", a2: "cancelled", x: "succeeded" });
    expect(report.branches).toEqual({ one: { status: "cancelled" } });
    expect(lanes.starts.map(({ id }) => id).toSorted()).toEqual(["a", "x"]);
  });

  it("runs the branch again when the cancel is taken back, with what was skipped for it", async () => {
    const { clock, control, start } = branchScene(byId({ a: after(100, "again"), x: after(300) }));
    const calls = [
      branchCall("a", "one"),
      plannedCall("needs_a", { needs: ["a"] }),
      plannedCall("x"),
    ];
    const run = start(calls, { one: {} }, "first_success");
    await clock.advance(20);
    expect(control.cancel({ branch: "one", reset: true })).toBe(false);
    control.cancel({ branch: "one", reset: false });
    await clock.advance(30);
    expect(control.cancel({ branch: "one", reset: true })).toBe(true);
    const report = await clock.runUntil(run);
    expect(statuses(report)).toEqual({ a: "succeeded", needs_a: "succeeded", x: "succeeded" });
    expect(report.branches).toEqual({ one: { status: "succeeded" } });
    expect(report.aggregate).toMatchObject({ call: "a", outputJson: '"again"' });
  });

  it("stays as it ended when it is reset and none of its calls was really cancelled", async () => {
    const { clock, control, start } = branchScene(({ id }) => ({
      durationMs: 100,
      outcome: succeeded(id),
      onAbort: { afterMs: 5, outcome: id === "a" ? FAILED : succeeded("made it") },
    }));
    const calls = [branchCall("a", "one"), branchCall("b", "two"), plannedCall("c")];
    const run = start(calls, { one: {}, two: {} });
    await clock.advance(50);
    for (const branch of ["one", "two"]) control.cancel({ branch, reset: false });
    await clock.advance(10);
    for (const branch of ["one", "two"]) expect(control.cancel({ branch, reset: true })).toBe(true);
    const report = await clock.runUntil(run);
    expect(statuses(report)).toEqual({ a: "failed", b: "succeeded", c: "succeeded" });
    expect(report.branches).toEqual({ one: { status: "failed" }, two: { status: "succeeded" } });
  });

  it("cancels one call; what needs it is skipped, the rest goes on", async () => {
    const { clock, control, start } = branchScene(byId({ a: after(100), b: after(100) }));
    const calls = [plannedCall("a"), plannedCall("a2", { needs: ["a"] }), plannedCall("b")];
    const run = start(calls, {});
    await clock.advance(10);
    expect(control.cancel({ call: "a" })).toBe(true);
    expect(control.cancel({ call: "nobody" })).toBe(false);
    const report = await clock.runUntil(run);
    expect(statuses(report)).toEqual({ a: "cancelled", a2: "skipped", b: "succeeded" });
  });
});

describe("an aggregate", () => {
  it("first_success: is the output of what ended first", async () => {
    const { clock, start } = branchScene(byId({ a: after(50, "a"), b: after(20, "b") }));
    const report = await clock.runUntil(
      start([plannedCall("a"), plannedCall("b")], {}, "first_success"),
    );
    expect(report.aggregate).toEqual({ policy: "first_success", call: "b", outputJson: '"b"' });
  });

  it("merge: is one list without duplicates, conflicts named", async () => {
    const { clock, start } = branchScene(
      byId({
        a: after(1, { hotels: [{ id: 1, name: "Ritz", stars: 5 }, { id: 2 }] }),
        b: after(2, { hotels: [{ id: 1, name: "The Ritz", city: "Paris" }, { id: 3 }] }),
      }),
    );
    const aggregate = { merge: { items: "#/hotels", key: "#/id" } };
    const report = await clock.runUntil(start([plannedCall("a"), plannedCall("b")], {}, aggregate));
    expect(report.aggregate).toEqual({
      policy: "merge",
      outputJson: JSON.stringify([
        { id: 1, name: "Ritz", stars: 5, city: "Paris" },
        { id: 2 },
        { id: 3 },
      ]),
      conflicts: [{ key: "1", pointer: "/name", kept: "a", dropped: "b" }],
    });
  });

  it("a tool: is one more call, given all results, and the last of them", async () => {
    let given: unknown = null;
    const { clock, start } = branchScene(({ id, tool, arguments: values }) => {
      if (tool === "collect") given = values;
      return tool === "collect" ? after(5, { sum: 3 }) : after(10, { id });
    });
    const report = await clock.runUntil(
      start([branchCall("a", "one"), plannedCall("b")], { one: {} }, "collect"),
    );
    expect(given).toEqual({
      results: [
        { id: "a", tool: "tool", status: "succeeded", output: { id: "a" }, branch: "one" },
        { id: "b", tool: "tool", status: "succeeded", output: { id: "b" } },
      ],
    });
    expect(report.results.map(({ id }) => id)).toEqual(["a", "b", "aggregate"]);
    expect(report.aggregate).toEqual({
      policy: "tool",
      call: "aggregate",
      outputJson: '{"sum":3}',
    });
  });
});
