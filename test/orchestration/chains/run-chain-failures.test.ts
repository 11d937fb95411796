import { describe, expect, it } from "vitest";

import { chain, chainScene, outputOf, ref, toolCall } from "../../support/chain-scene.ts";
import { FAILED, succeeded, type CallScript } from "../../support/fake-lanes.ts";

const after = (durationMs: number, output: unknown = null): CallScript => ({
  durationMs,
  outcome: succeeded(output),
});

describe("a step whose result is kept elsewhere", () => {
  it("fails and says so: nothing stands in its place", async () => {
    const kept = { handle: "res_0000000000000000000000", bytes: 9_000_000, heldBytes: 9_000_000 };
    const long = (): CallScript => ({
      durationMs: 10,
      outcome: { status: "succeeded", kept, cache: "bypass", attempts: 1 },
    });
    const main = chain(
      { id: "list", tool: "long" },
      { id: "out", tool: "say", arguments: { got: ref("list#") } },
    );
    const { lanes, run } = chainScene({ chains: { main }, tools: { long } });
    expect(await run()).toMatchObject({ status: "failed", error: { code: "result_too_large" } });
    expect(lanes.starts.map(({ id }) => id)).toEqual(["main/list"]);
  });
});

describe("retry and timeout of a step", () => {
  it("calls a read again after 100 ms, then 200 ms, and gives up after so many attempts", async () => {
    const steps = (max_attempts: number) =>
      chain({ id: "out", tool: "flaky", retry: { max_attempts } });
    const flaky = (_: object, { id }: { readonly id: string }) =>
      id.endsWith("~3") ? "ok" : { durationMs: 10, outcome: FAILED };
    const patient = chainScene({ chains: { main: steps(3) }, tools: { flaky } });
    const result = await patient.run();
    expect(outputOf(result)).toBe("ok");
    expect(result).toMatchObject({ attempts: 3, durationMs: 10 + 100 + 10 + 200 + 10 });
    expect(patient.lanes.made.map(({ again = false }) => again)).toEqual([false, true, true]);
    const hasty = chainScene({ chains: { main: steps(2) }, tools: { flaky } });
    expect(outputOf(await hasty.run())).toMatchObject({ status: "failed" });
    expect(hasty.lanes.starts.map(({ id }) => id)).toEqual(["main/out", "main/out~2"]);
  });

  it("never calls a write again", async () => {
    const main = chain({ id: "out", tool: "fail", retry: { max_attempts: 5 } });
    const { lanes, run } = chainScene({ chains: { main }, effects: { fail: "write" } });
    expect(outputOf(await run())).toMatchObject({ status: "failed" });
    expect(lanes.starts).toHaveLength(1);
  });

  it("ends a call after the step's own time", async () => {
    const main = chain({
      id: "out",
      tool: "slow",
      timeout_ms: 50,
      on_failure: { default: "late" },
    });
    const { lanes, run } = chainScene({ chains: { main }, tools: { slow: () => after(900) } });
    const result = await run();
    expect(outputOf(result)).toBe("late");
    expect(result.durationMs).toBe(50);
    expect(lanes.starts[0]?.timeoutMs).toBe(50);
  });
});

describe("the failure of a step", () => {
  it("fail: ends the chain with the step's error and aborts the other steps", async () => {
    const main = chain(
      { id: "bad", tool: "fail" },
      { id: "slow", tool: "slow" },
      { id: "out", tool: "say", arguments: { s: ref("slow#") } },
    );
    const { clock, lanes, run } = chainScene({
      chains: { main },
      tools: { slow: () => after(900) },
    });
    const result = await run();
    expect(outputOf(result)).toMatchObject({ message: 'Step "bad": The tool answered 500.' });
    expect(result.durationMs).toBe(10);
    expect(lanes.aborted).toEqual(["main/slow"]);
    expect(lanes.inFlight).toBe(0);
    expect(clock.pending).toBe(0);
  });

  it("skip and default: go on with null, or with the value", async () => {
    const main = chain(
      { id: "gone", tool: "fail", on_failure: "skip" },
      { id: "lent", tool: "fail", on_failure: { default: { n: 7 } } },
      { id: "out", tool: "say", arguments: { gone: ref("gone#/n"), lent: ref("lent#/n") } },
    );
    expect(outputOf(await chainScene({ chains: { main } }).run())).toEqual({ gone: null, lent: 7 });
  });

  it("a write whose outcome is unknown ends the chain whatever the policy, and is said", async () => {
    const main = chain(
      { id: "write", tool: "write", on_failure: "skip" },
      { id: "out", tool: "say", after: ["write"] },
    );
    const unknown: CallScript = {
      durationMs: 5,
      outcome: { ...FAILED, status: "outcome_unknown" },
    };
    const { lanes, run } = chainScene({ chains: { main }, tools: { write: () => unknown } });
    expect(outputOf(await run())).toMatchObject({ status: "outcome_unknown" });
    expect(lanes.starts).toHaveLength(1);
  });

  it("a pointer that leads to nothing fails the step that has it", async () => {
    const main = chain({
      id: "out",
      tool: "say",
      arguments: { x: ref("input#/a/b") },
      on_failure: "fail",
    });
    expect(outputOf(await chainScene({ chains: { main } }).run({ a: {} }))).toMatchObject({
      status: "failed",
      code: "reference_unresolved",
    });
  });

  it("a step of a stronger effect than the chain's is refused unsent", async () => {
    const main = chain({ id: "out", tool: "say" });
    const { lanes, run } = chainScene({
      chains: { main },
      effects: { main: "read", say: "write" },
    });
    expect(outputOf(await run())).toMatchObject({ code: "effect_exceeded" });
    expect(lanes.starts).toEqual([]);
  });
});

describe("the end of a chain from outside", () => {
  const main = chain({ id: "slow", tool: "slow" }, { id: "out", tool: "say", after: ["slow"] });
  const tools = { slow: () => after(900) };

  it("its own timeout aborts its steps", async () => {
    const { clock, lanes, start } = chainScene({ chains: { main }, tools });
    const call = { ...toolCall("main", "main"), timeoutMs: 100 };
    const report = await clock.runUntil(start([call]));
    expect(report.results[0]).toMatchObject({
      status: "timeout",
      error: { code: "tool_timeout" },
      durationMs: 100,
    });
    expect(lanes.aborted).toEqual(["main/slow"]);
  });

  it("the run's deadline is said to be the reason", async () => {
    const { clock, lanes, run } = chainScene({ chains: { main }, tools });
    expect(outputOf(await run({}, { deadlineMs: 70 }))).toMatchObject({
      status: "timeout",
      code: "deadline_exceeded",
    });
    expect(lanes.aborted).toEqual(["main/slow"]);
    expect(clock.pending).toBe(0);
  });

  it("a cancel of its call aborts its steps and leaves the others alone", async () => {
    const { clock, lanes, control, start } = chainScene({ chains: { main }, tools });
    const run = start([toolCall("main", "main"), toolCall("beside", "slow")]);
    await clock.advance(30);
    expect(control.cancel({ call: "main" })).toBe(true);
    const report = await clock.runUntil(run);
    expect(report.results.map(({ status }) => status)).toEqual(["cancelled", "succeeded"]);
    expect(lanes.aborted).toEqual(["main/slow"]);
    expect(clock.pending).toBe(0);
  });

  it("a cancel of its branch does the same, steps to come included", async () => {
    const { clock, lanes, control, start } = chainScene({ chains: { main }, tools });
    const branches = {
      branches: [{ name: "one", group: null, calls: ["main"], score: null, slowAfterMs: null }],
      groups: [],
      aggregate: "all",
    };
    const run = start([{ ...toolCall("main", "main"), branch: "one" }], { branches });
    await clock.advance(30);
    control.cancel({ branch: "one", reset: false });
    expect((await clock.runUntil(run)).results[0]).toMatchObject({ status: "cancelled" });
    expect(lanes.starts).toHaveLength(1);
    expect(lanes.inFlight).toBe(0);
  });

  it("steps that ignore their abort are left behind, and the chain with them", async () => {
    const stubborn = (): CallScript => ({
      durationMs: 900,
      outcome: succeeded(),
      onAbort: "ignore",
    });
    const { clock, start } = chainScene({ chains: { main }, tools: { slow: stubborn } });
    const report = await clock.runUntil(start([toolCall("main", "main")], { deadlineMs: 50 }));
    expect(report.durationMs).toBeLessThanOrEqual(50 + 30);
    expect(report.results[0]).toMatchObject({ status: "timeout" });
  });
});

describe("chains within chains", () => {
  it("are steps like any other, with their steps below them", async () => {
    const inner = chain({ id: "out", tool: "double", arguments: { x: ref("input#/x") } });
    const main = chain(
      { id: "in", tool: "inner", arguments: { x: 4 } },
      { id: "out", tool: "double", arguments: { x: ref("in#") } },
    );
    const { lanes, run } = chainScene({ chains: { main, inner } });
    expect(outputOf(await run())).toBe(16);
    expect(lanes.starts.map(({ id }) => id)).toEqual(["main/in/out", "main/out"]);
  });

  it("that call each other in a circle are refused when they would, with the circle", async () => {
    const main = chain({ id: "out", tool: "other" });
    const other = chain({ id: "out", tool: "main" });
    const { lanes, run } = chainScene({ chains: { main, other } });
    expect(outputOf(await run())).toMatchObject({
      code: "chain_too_deep",
      message: expect.stringContaining("main → other → main"),
    });
    expect(lanes.starts).toEqual([]);
  });

  it("nest four deep and not five", async () => {
    const names = ["main", "b", "c", "d", "e"];
    const upTo = (depth: number) =>
      Object.fromEntries(
        names.slice(0, depth).map((name, index) => [
          name,
          chain({
            id: "out",
            tool: names[index + 1] ?? "say",
            ...(index === depth - 1 && { tool: "say" }),
          }),
        ]),
      );
    expect(outputOf(await chainScene({ chains: upTo(4) }).run())).toEqual({});
    expect(outputOf(await chainScene({ chains: upTo(5) }).run())).toMatchObject({
      code: "chain_too_deep",
    });
  });

  it("make at most 2,000 calls together in one run", async () => {
    const inner = chain({
      id: "out",
      tool: "double",
      arguments: { x: 1 },
      map: { over: ref("input#/list"), max_parallel: 100 },
    });
    const main = chain({
      id: "out",
      tool: "inner",
      arguments: { list: ref("input#/list") },
      map: { over: ref("input#/times") },
    });
    const list = Array.from({ length: 500 }, (_, n) => n);
    const { lanes, run } = chainScene({ chains: { main, inner } });
    expect(outputOf(await run({ list, times: [1, 2, 3] }))).toHaveLength(3);
    expect(lanes.starts).toHaveLength(1_500);
    const wide = chainScene({ chains: { main, inner } });
    expect(outputOf(await wide.run({ list, times: [1, 2, 3, 4] }))).toMatchObject({
      code: "call_limit",
    });
    expect(wide.lanes.starts.length).toBeLessThanOrEqual(2_000);
  });
});
