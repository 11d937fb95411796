import { describe, expect, it } from "vitest";

import { type DefinedTool, defineTool } from "../../src/library/define-tool.ts";
import { InvalidCalls, run, type RunOptions } from "../../src/library/run.ts";
import { expectToolCalls } from "../../src/library/testing/expect-tool-calls.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";

const ANY = { type: "object" } as const;

/** A tool that answers with its arguments after so long on `clock`, and says what became of its calls. */
function sleeper(clock: FakeClock, ms: number, more: object = {}) {
  const log = { started: 0, aborted: 0 };
  const tool = defineTool({
    name: "sleep",
    description: "Sleeps",
    input: ANY,
    effect: "read",
    ...more,
    handler: async (values, { signal }) => {
      log.started += 1;
      await clock.sleep(ms, signal);
      if (signal.aborted) log.aborted += 1;
      return values;
    },
  });
  return { tool, log };
}

function times(count: number, tool: DefinedTool) {
  return Array.from({ length: count }, (_, n) => ({ tool, arguments: { n } }));
}

describe("run", () => {
  it("makes calls side by side and reports them in call order", async () => {
    const clock = new FakeClock();
    const { tool } = sleeper(clock, 100);
    const running = run(times(3, tool), { tools: [tool], clock }).report();
    const report = await clock.runUntil(running);
    expect(report.status).toBe("completed");
    expect(report.results.map(({ outputJson }) => outputJson)).toEqual([
      '{"n":0}',
      '{"n":1}',
      '{"n":2}',
    ]);
    expectToolCalls(report.results).inParallel().totalDuration({ atLeast: 100, atMost: 100 });
    expect(clock.pending).toBe(0);
  });

  it("follows references, and makes one call after the other in sequential mode", async () => {
    const clock = new FakeClock();
    const { tool } = sleeper(clock, 10);
    const calls = [
      { id: "a", tool, arguments: { city: "Paris" } },
      { id: "b", tool, arguments: { $tmpl: "no" } },
      { id: "c", tool, arguments: { said: { $tmpl: "in ${a#/city}" } } },
    ];
    const options = { tools: [tool], clock };
    const report = await clock.runUntil(
      run(
        [calls[0], calls[2]].flatMap((each) => each ?? []),
        options,
      ).report(),
    );
    expect(report.results[1]?.outputJson).toBe('{"said":"in Paris"}');
    expectToolCalls(report.results).inOrder();
    const one = run(times(3, tool), { ...options, mode: "sequential" });
    expectToolCalls((await clock.runUntil(one.report())).results)
      .inOrder()
      .maxConcurrentCalls(1);
  });

  it("starts nothing before it is read, and nothing twice", async () => {
    const clock = new FakeClock();
    const { tool, log } = sleeper(clock, 10);
    const made = run(times(1, tool), { tools: [tool], clock });
    await clock.advance(1_000);
    expect(log.started).toBe(0);
    expect(made.cancel({ call: "call_1" })).toBe(false);
    await clock.runUntil(made.report());
    await expect(made.report()).rejects.toThrow("has been read already");
    expect(log.started).toBe(1);
  });

  it.each(["break", "throw"])("aborts every call when the loop is left by %s", async (how) => {
    const clock = new FakeClock();
    const { tool, log } = sleeper(clock, 60_000);
    const read = async () => {
      for await (const event of run(times(4, tool), {
        tools: [tool],
        clock,
        limits: { maxParallel: 2 },
      })) {
        if (event.type !== "call.started") continue;
        if (how === "break") break;
        throw new Error("The reader gave up.");
      }
    };
    await clock.runUntil(read().catch(() => undefined));
    expect(log).toEqual({ started: 2, aborted: 2 });
    expect(clock.pending).toBe(0);
  });

  it("aborts every call when its signal does, and reports a cancelled run", async () => {
    const clock = new FakeClock();
    const { tool, log } = sleeper(clock, 60_000);
    const controller = new AbortController();
    const { signal } = controller;
    const reported = run(times(3, tool), { tools: [tool], clock, signal }).report();
    await clock.advance(10);
    controller.abort();
    expect((await clock.runUntil(reported)).status).toBe("cancelled");
    expect(log.aborted).toBe(3);
    expect(clock.pending).toBe(0);
  });

  it("cancels one call or one branch while the others go on", async () => {
    const clock = new FakeClock();
    const { tool } = sleeper(clock, 100);
    const calls = [
      { id: "a", tool, arguments: { n: 1 } },
      { id: "b", tool, arguments: { n: 2 }, branch: "side" },
      { id: "c", tool, arguments: { n: 3 } },
    ];
    const made = run(calls, { tools: [tool], clock, branches: { side: {} } });
    const reported = made.report();
    await clock.advance(10);
    expect(made.cancel({ call: "a" })).toBe(true);
    expect(made.cancel({ branch: "side" })).toBe(true);
    expect(made.cancel({ call: "nobody" })).toBe(false);
    const { results, branches } = await clock.runUntil(reported);
    expect(results.map(({ status }) => status)).toEqual(["cancelled", "cancelled", "succeeded"]);
    expect(branches).toEqual({ side: { status: "cancelled" } });
  });

  it("holds its bounds: calls at once, its deadline, uses of a tool", async () => {
    const clock = new FakeClock();
    const { tool, log } = sleeper(clock, 400, { maxUses: 5 });
    const limits = { maxParallel: 2, deadlineMs: 1_000 };
    const { results, durationMs } = await clock.runUntil(
      run(times(6, tool), { tools: [tool], clock, limits }).report(),
    );
    expectToolCalls(results.slice(0, 5)).maxConcurrentCalls(2).totalDuration({ atMost: 1_000 });
    expect(results.map(({ status }) => status)).toEqual([
      "succeeded",
      "succeeded",
      "succeeded",
      "succeeded",
      "timeout",
      "failed",
    ]);
    expect(results[5]?.error?.code).toBe("use_limit");
    expect(log.started).toBe(5);
    expect(durationMs).toBe(1_000);
  });

  it("caps calls of a tag, and lets others go on", async () => {
    const clock = new FakeClock();
    const { tool } = sleeper(clock, 100, { tags: ["slow"] });
    const limits = { caps: { tags: { slow: 2 } } };
    const { results } = await clock.runUntil(
      run(times(4, tool), { tools: [tool], clock, limits }).report(),
    );
    expectToolCalls(results).maxConcurrentCalls(2).totalDuration({ atLeast: 200, atMost: 200 });
  });

  it("takes 256 calls and refuses the 257th", () => {
    const { tool } = sleeper(new FakeClock(), 0);
    expect(() => run(times(256, tool), { tools: [tool] })).not.toThrow();
    expect(() => run(times(257, tool), { tools: [tool] })).toThrow(InvalidCalls);
  });

  it("makes identical reads once and identical writes each", async () => {
    const clock = new FakeClock();
    const read = sleeper(clock, 10);
    const write = sleeper(clock, 10, { name: "write", effect: "write" });
    const tools = [read.tool, write.tool];
    const calls = tools.flatMap((tool) => [{ tool }, { tool }]);
    await clock.runUntil(run(calls, { tools, clock }).report());
    expect([read.log.started, write.log.started]).toEqual([1, 2]);
  });
});

describe("what run refuses before anything is sent", () => {
  const { tool, log } = sleeper(new FakeClock(), 0);
  const refusalOf = (calls: readonly object[], options: Partial<RunOptions> = {}) => {
    try {
      run(calls as Parameters<typeof run>[0], { tools: [tool], ...options });
      return [];
    } catch (error) {
      if (!(error instanceof InvalidCalls)) throw error;
      return error.violations.map(({ pointer }) => pointer);
    }
  };

  it("names every wrong place: tools, labels, branches, bounds, unknown fields", () => {
    expect(refusalOf([{ tool: "nobody" }, { tool: "nothing" }])).toEqual([
      "/calls/0/tool",
      "/calls/1/tool",
    ]);
    expect(refusalOf([{ tool: "sleep", arguments: { a: { $ref: "x#" } } }])).toEqual([
      "/calls/0/arguments/a/$ref",
    ]);
    expect(refusalOf([{ tool: "sleep", branch: "x" }])).toEqual(["/calls/0/branch"]);
    expect(refusalOf([{ tool: "sleep", also: 1 }])).toEqual(["/calls/0/also"]);
    expect(refusalOf([{ tool: "sleep" }], { limits: { maxParallel: 0 } })).toEqual([
      "/max_parallel",
    ]);
    expect(refusalOf([{ tool: "sleep" }], { limits: { deadlineMs: 300_001 } })).toEqual([
      "/deadline_ms",
    ]);
    expect(log.started).toBe(0);
  });
});
