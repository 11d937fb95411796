/** Which call starts first when not all can, how caps hold some back, and what each leaves to those after it. */

import { describe, expect, it } from "vitest";

import { durations, type Scene, scene, take } from "../../support/execute-scene.ts";
import { plannedCall } from "../../support/fake-lanes.ts";

const NO_CAPS = { tags: {}, hosts: {}, groups: {} };
const needing = (id: string, ...needs: string[]) => plannedCall(id, { needs });
const startedBy = ({ lanes }: Scene) => lanes.starts.map(({ id }) => id);

describe("the order of starting", () => {
  it("takes a call without a priority for one of priority 0", async () => {
    const trial = scene(take(10));
    const calls = [
      plannedCall("none"),
      plannedCall("one", { priority: 1 }),
      plannedCall("zero", { priority: 0 }),
      plannedCall("below", { priority: -1 }),
    ];
    await trial.clock.runUntil(trial.start(calls, { maxParallel: 1 }));
    expect(startedBy(trial)).toEqual(["one", "none", "zero", "below"]);
  });

  it("is the longest remaining chain first, by what each tool is expected to take", async () => {
    const trial = scene(take(10));
    const expectedMs = (tool: string) => (tool === "slow" ? 900 : 100);
    const calls = [
      plannedCall("a"),
      needing("b", "a"),
      plannedCall("x", { tool: "slow" }),
      plannedCall("y"),
      plannedCall("z", { tool: "slow", needs: ["y"] }),
    ];
    await trial.clock.runUntil(trial.start(calls, { maxParallel: 1 }, { expectedMs }));
    expect(startedBy(trial)).toEqual(["y", "x", "z", "a", "b"]);
  });

  it("follows what is submitted later: a call moves ahead once a long chain needs it", async () => {
    const trial = scene(take(10));
    const scheduler = trial.open({ maxParallel: 1 });
    scheduler.submit(["a", "b", "c"].map((id) => plannedCall(id)));
    scheduler.submit([needing("d", "c"), needing("e", "d")]);
    scheduler.seal();
    await trial.clock.runUntil(scheduler.finish());
    expect(startedBy(trial)).toEqual(["a", "c", "d", "b", "e"]);
  });

  it("puts priority before the chain, and a call inherits that of what needs it", async () => {
    const trial = scene(take(10));
    const calls = [
      plannedCall("chain"),
      needing("link", "chain"),
      plannedCall("later", { priority: -1 }),
      plannedCall("producer", { priority: -1 }),
      plannedCall("urgent", { priority: 2, needs: ["producer"] }),
      plannedCall("raised", { priority: 1 }),
    ];
    await trial.clock.runUntil(trial.start(calls, { maxParallel: 1 }));
    expect(startedBy(trial)).toEqual(["producer", "urgent", "raised", "chain", "link", "later"]);
  });

  it("is call order alone in sequential mode", async () => {
    const trial = scene(take(10));
    const calls = [
      plannedCall("a"),
      plannedCall("b", { priority: 9 }),
      needing("d", "c"),
      plannedCall("c", { tool: "slow" }),
    ];
    const expectedMs = (tool: string) => (tool === "slow" ? 900 : 100);
    await trial.clock.runUntil(trial.start(calls, { mode: "sequential" }, { expectedMs }));
    expect(startedBy(trial)).toEqual(["a", "b", "c", "d"]);
  });
});

describe("caps", () => {
  it.each([
    ["tag", { tags: ["x", "y"] }, { ...NO_CAPS, tags: { y: 2 } }],
    ["host", { host: "api.example.com" }, { ...NO_CAPS, hosts: { "api.example.com": 2 } }],
    ["group", { group: "maps" }, { ...NO_CAPS, groups: { maps: 2 } }],
  ])(
    "by %s hold across tools, never hold up others, and leave no slot idle",
    async (_, mark, caps) => {
      const trial = scene(take(10));
      const capped = ["c1", "c2", "c3", "c4", "c5"].map((id, index) =>
        plannedCall(id, { tool: index % 2 === 0 ? "p" : "q", ...mark }),
      );
      const free = ["f1", "f2"].map((id) => plannedCall(id, { tool: "free", tags: ["x"] }));
      const begin = trial.clock.now();
      await trial.clock.runUntil(trial.start([...capped, ...free], { maxParallel: 4, caps }));
      expect(trial.lanes.starts.map(({ id, atMs }) => [id, atMs - begin])).toEqual([
        ["c1", 0],
        ["c2", 0],
        ["f1", 0],
        ["f2", 0],
        ["c3", 10],
        ["c4", 10],
        ["c5", 20],
      ]);
    },
  );

  it("are all kept at once by a call that falls under several", async () => {
    const trial = scene(take(10));
    const caps = { tags: { t: 3 }, hosts: { h: 2 }, groups: { constructor: 1 } };
    const both = { tags: ["t", "t"], host: "h" };
    const calls = [
      plannedCall("a", both),
      plannedCall("b", { tags: ["t"] }),
      plannedCall("c", both),
      plannedCall("d", both),
      plannedCall("e", { tags: ["t"], group: "constructor" }),
      plannedCall("f", { tool: "single", maxParallel: 1, group: "constructor" }),
    ];
    const begin = trial.clock.now();
    await trial.clock.runUntil(trial.start(calls, { caps }));
    expect(trial.lanes.starts.map(({ id, atMs }) => [id, atMs - begin])).toEqual([
      ["a", 0],
      ["b", 0],
      ["c", 0],
      ["f", 0],
      ["d", 10],
      ["e", 10],
    ]);
  });

  it("do not know names nobody capped, whatever they are called", async () => {
    const trial = scene(take(10));
    const calls = ["a", "b"].map((id) =>
      plannedCall(id, { tags: ["constructor"], host: "__proto__" }),
    );
    await trial.clock.runUntil(trial.start(calls, { caps: NO_CAPS }));
    expect(trial.lanes.maxInFlight).toBe(2);
  });

  it("give back the places of cancelled calls at once", async () => {
    const trial = scene(take(100));
    const scheduler = trial.open({ caps: { ...NO_CAPS, tags: { t: 1 } } });
    scheduler.submit(["a", "b", "c"].map((id) => plannedCall(id, { tags: ["t"] })));
    scheduler.seal();
    await trial.clock.advance(10);
    scheduler.cancel({ call: "b" });
    scheduler.cancel({ call: "a" });
    await trial.clock.settle();
    expect(startedBy(trial)).toEqual(["a", "c"]);
    await trial.clock.runUntil(scheduler.finish());
  });
});

describe("a run's deadline", () => {
  const expectedMs = (tool: string) => (tool === "slow" ? 600 : 100);
  const slow = (id: string, ...needs: string[]) => plannedCall(id, { tool: "slow", needs });

  it("leaves what must follow a call its expected time, and never raises a timeout", async () => {
    const trial = scene(durations({ a: 10, b: 10, c: 10 }));
    const calls = [
      plannedCall("a"),
      plannedCall("short", { timeoutMs: 50 }),
      slow("b", "a", "short"),
      needing("c", "b"),
    ];
    const deadlineAtMs = trial.clock.now() + 1_000;
    await trial.clock.runUntil(trial.start(calls, { deadlineAtMs }, { expectedMs }));
    expect(trial.lanes.starts.map(({ id, timeoutMs }) => [id, timeoutMs])).toEqual([
      ["a", 300],
      ["short", 50],
      ["b", 890],
      ["c", 980],
    ]);
  });

  it("shrinks the time of all alike when it is too near for the whole chain", async () => {
    const trial = scene(durations({ a: 10, b: 10 }));
    const deadlineAtMs = trial.clock.now() + 350;
    await trial.clock.runUntil(
      trial.start([plannedCall("a"), slow("b", "a")], { deadlineAtMs }, { expectedMs }),
    );
    expect(trial.lanes.starts.map(({ timeoutMs }) => timeoutMs)).toEqual([50, 340]);
  });

  it("is named by a call it cut short for others", async () => {
    const trial = scene(take(500));
    const deadlineAtMs = trial.clock.now() + 1_000;
    const { results } = await trial.clock.runUntil(
      trial.start([plannedCall("a"), slow("b", "a")], { deadlineAtMs }, { expectedMs }),
    );
    expect(results).toMatchObject([
      { status: "timeout", error: { code: "deadline_exceeded" }, durationMs: 400 },
      { status: "skipped" },
    ]);
  });
});
