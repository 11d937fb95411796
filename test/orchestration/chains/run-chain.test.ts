import { describe, expect, it } from "vitest";

import { chain, chainScene, outputOf, ref, toolCall } from "../../support/chain-scene.ts";
import { FAILED } from "../../support/fake-lanes.ts";

describe("the steps of a chain", () => {
  it("run in sequence where they refer to each other, in parallel where they do not", async () => {
    const main = chain(
      { id: "sum", tool: "add", arguments: { a: ref("input#/a"), b: 1 } },
      { id: "twice", tool: "double", arguments: { x: ref("input#/a") } },
      { id: "out", tool: "say", arguments: { text: { $tmpl: "${sum#} and ${twice#}" } } },
    );
    const { lanes, run, clock } = chainScene({ chains: { main } });
    const result = await run({ a: 4 });
    expect(outputOf(result)).toEqual({ text: "5 and 8" });
    expect(result).toMatchObject({ id: "main", tool: "main", attempts: 3, durationMs: 20 });
    expect(lanes.starts.map(({ id, atMs }) => [id, atMs - 1_000])).toEqual([
      ["main/sum", 0],
      ["main/twice", 0],
      ["main/out", 10],
    ]);
    expect(clock.pending).toBe(0);
  });

  it("wait for the steps they name in after", async () => {
    const main = chain({ id: "first", tool: "say" }, { id: "out", tool: "say", after: ["first"] });
    const { lanes, run } = chainScene({ chains: { main } });
    await run();
    expect(lanes.starts.map(({ id, atMs }) => [id, atMs - 1_000])).toEqual([
      ["main/first", 0],
      ["main/out", 10],
    ]);
  });

  it("are calls of the run: under its cap, in its events, but no results of it", async () => {
    const main = chain(
      { id: "a", tool: "say" },
      { id: "b", tool: "say" },
      { id: "out", tool: "say" },
    );
    const { lanes, events, run } = chainScene({ chains: { main } });
    await run({}, { mode: "sequential" });
    expect(lanes.maxInFlight).toBe(1);
    expect(events.filter(({ type }) => type === "call.started")).toHaveLength(4);
  });

  it("hold no slot for the chain itself: many chains at once cannot block each other", async () => {
    const main = chain({ id: "out", tool: "say" });
    const { clock, start } = chainScene({ chains: { main } });
    const calls = Array.from({ length: 20 }, (_, n) => toolCall(`c${n}`, "main"));
    const report = await clock.runUntil(start(calls, { maxParallel: 2 }));
    expect(report.status).toBe("completed");
    expect(report.durationMs).toBe(100);
  });
});

describe("map", () => {
  const main = (more: object = {}, map: object = {}) =>
    chain({
      id: "out",
      tool: "odd",
      arguments: { n: ref("item#"), at: ref("index#") },
      map: { over: ref("input#/list"), max_parallel: 2, ...map },
      ...more,
    });
  const odd = ({ n }: { readonly [name: string]: unknown }) =>
    Number(n) % 2 === 1 ? Number(n) * 10 : { durationMs: 5, outcome: FAILED };

  it("calls once for each item, so many at a time, and keeps the items' order", async () => {
    const { lanes, run } = chainScene({ chains: { main: main() }, tools: { odd } });
    expect(outputOf(await run({ list: [1, 3, 5, 7, 9] }))).toEqual([10, 30, 50, 70, 90]);
    expect(lanes.maxInFlight).toBe(2);
    expect(lanes.starts.map(({ id }) => id)).toContain("main/out/4");
    expect(outputOf(await run({ list: [] }))).toEqual([]);
  });

  it("fails with its first failed item, or leaves it out, or takes the default", async () => {
    const outputs = [];
    for (const on_failure of ["fail", "skip", { default: 0 }]) {
      const { run } = chainScene({ chains: { main: main({ on_failure }) }, tools: { odd } });
      outputs.push(outputOf(await run({ list: [1, 2, 3] })));
    }
    expect(outputs).toEqual([
      {
        status: "failed",
        code: "upstream_status",
        message: 'Step "out": The tool answered 500.',
      },
      [10, 30],
      [10, 0, 30],
    ]);
  });

  it("refuses a longer list than its limit before the first call, and what is no list", async () => {
    const { lanes, run } = chainScene({ chains: { main: main({}, { limit: 2 }) }, tools: { odd } });
    expect(outputOf(await run({ list: [1, 3] }))).toEqual([10, 30]);
    expect(outputOf(await run({ list: [1, 3, 5] }))).toMatchObject({ code: "list_too_long" });
    expect(outputOf(await run({ list: 7 }))).toMatchObject({ code: "arguments_invalid" });
    expect(lanes.starts).toHaveLength(2);
  });
});

describe("reduce", () => {
  const main = (initial: object = {}) =>
    chain({
      id: "out",
      reduce: { over: ref("input#/list"), tool: "add", ...initial },
      arguments: { a: ref("acc#"), b: ref("item#") },
    });

  it("folds a list one by one, from the first item or from the initial value", async () => {
    const bare = chainScene({ chains: { main: main() } });
    expect(outputOf(await bare.run({ list: [1, 2, 3] }))).toBe(6);
    expect(bare.lanes.maxInFlight).toBe(1);
    const from = chainScene({ chains: { main: main({ initial: 100 }) } });
    expect(outputOf(await from.run({ list: [1, 2, 3] }))).toBe(106);
    expect(from.lanes.starts).toHaveLength(3);
  });

  it("gives the initial value for an empty list, null without one", async () => {
    expect(outputOf(await chainScene({ chains: { main: main() } }).run({ list: [] }))).toBe(null);
    const from = chainScene({ chains: { main: main({ initial: 5 }) } });
    expect(outputOf(await from.run({ list: [] }))).toBe(5);
  });
});

describe("when", () => {
  const main = chain(
    {
      id: "big",
      tool: "say",
      arguments: { size: "big" },
      when: { left: ref("input#/n"), op: ">", right: 9 },
    },
    {
      id: "small",
      tool: "say",
      arguments: { size: "small" },
      when: { left: ref("input#/n"), op: "<=", right: 9 },
    },
    { id: "flag", tool: "say", when: ref("input#/flag") },
    {
      id: "out",
      tool: "say",
      arguments: { big: ref("big#/size"), small: ref("small#/size"), flag: ref("flag#") },
    },
  );

  it("skips a step; what refers to it gets null", async () => {
    const scene = chainScene({ chains: { main } });
    expect(outputOf(await scene.run({ n: 10, flag: true }))).toEqual({
      big: "big",
      small: null,
      flag: {},
    });
    expect(outputOf(await chainScene({ chains: { main } }).run({ n: 9, flag: [] }))).toEqual({
      big: null,
      small: "small",
      flag: null,
    });
  });

  it("fails the step when two values have no order", async () => {
    expect(
      outputOf(await chainScene({ chains: { main } }).run({ n: "ten", flag: 1 })),
    ).toMatchObject({
      status: "failed",
      code: "arguments_invalid",
    });
  });
});

describe("loop", () => {
  const main = (max: number, more: object = {}) =>
    chain({
      id: "out",
      tool: "add",
      arguments: { a: ref("last#"), b: 3 },
      loop: { until: { left: ref("last#"), op: ">=", right: 10 }, max },
      ...more,
    });

  it("repeats until its condition holds, with the last result", async () => {
    const { lanes, run } = chainScene({ chains: { main: main(10) } });
    expect(outputOf(await run())).toBe(12);
    expect(lanes.made.map(({ again = false }) => again)).toEqual([false, true, true, true]);
    expect(lanes.starts.map(({ id }) => id)).toEqual([
      "main/out/0",
      "main/out/1",
      "main/out/2",
      "main/out/3",
    ]);
  });

  it("fails when the condition does not hold in time, which the step's policy may forgive", async () => {
    expect(outputOf(await chainScene({ chains: { main: main(4) } }).run())).toBe(12);
    expect(outputOf(await chainScene({ chains: { main: main(3) } }).run())).toMatchObject({
      code: "loop_limit",
    });
    const forgiving = chainScene({ chains: { main: main(3, { on_failure: { default: -1 } }) } });
    expect(outputOf(await forgiving.run())).toBe(-1);
  });
});
