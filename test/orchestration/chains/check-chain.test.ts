import { describe, expect, it } from "vitest";

import { Chain } from "../../../src/contract/chain.ts";
import { ToolDefinition } from "../../../src/contract/tool.ts";
import { checkChain } from "../../../src/orchestration/chains/check-chain.ts";
import type { CallableTool } from "../../../src/contract/planned-call.ts";
import { anyTool } from "../../support/branch-scene.ts";

const ref = ($ref: string) => ({ $ref });

function definition(more: object): ToolDefinition {
  return ToolDefinition.parse({ description: "A tool", input: { type: "object" }, ...more });
}

const READ = definition({ effect: "read", builtin: "calculator" });
const WRITE = definition({ effect: "write", builtin: "calculator" });

function chainOf(calls: readonly object[], output = "a#", more: object = {}): ToolDefinition {
  return definition({ chain: { calls, output: ref(output) }, ...more });
}

/** Complaints about `main` beside the tools `read`, `write` and `others`; `strict` takes a number `x` only. */
function wrongWith(main: ToolDefinition, others: Readonly<Record<string, ToolDefinition>> = {}) {
  const tools = new Map([
    ["read", READ],
    ["write", WRITE],
    ["strict", READ],
    ...Object.entries(others),
  ]);
  const strict: CallableTool = {
    ...anyTool("strict"),
    check: (values, holes) =>
      typeof values["x"] === "number" || holes.includes("/x")
        ? []
        : [{ pointer: "/x", message: "Must be of type number." }],
  };
  return checkChain("main", main, tools, (name) =>
    name === "strict" ? strict : anyTool(name),
  ).map(({ pointer, message }) => `${pointer}: ${message}`);
}

describe("a chain that cannot be", () => {
  it("is named: ids twice or with a meaning of their own, no tool, two constructs", () => {
    const calls = [
      { id: "a", tool: "read" },
      { id: "a", tool: "read" },
      { id: "item", tool: "read" },
      { id: "b" },
      { id: "c", tool: "read", reduce: { over: ref("input#"), tool: "read" } },
      {
        id: "d",
        tool: "read",
        map: { over: ref("input#") },
        loop: { until: { left: 1, op: "==", right: 1 } },
      },
    ];
    expect(wrongWith(chainOf(calls))).toEqual([
      "/chain/calls/1/id: Another step has the same id.",
      "/chain/calls/2/id: This word has a meaning of its own inside a chain.",
      "/chain/calls/3/tool: This field is required.",
      "/chain/calls/4/tool: A reduce names its own tool.",
      "/chain/calls/5: At most one of map, reduce and loop.",
    ]);
  });

  it("is named: unknown tools, steps, labels and places of its own input", () => {
    const calls = [
      { id: "a", tool: "nobody", after: ["b"], arguments: { x: ref("c#/y"), y: ref("item#") } },
    ];
    const input = { type: "object", properties: { city: {} } };
    const main = chainOf(calls, "input#/town", { input });
    expect(wrongWith(main)).toEqual([
      '/chain/calls/0/after/0: There is no step "b".',
      '/chain/calls/0/arguments/x/$ref: There is nothing called "c" here.',
      '/chain/calls/0/arguments/y/$ref: There is nothing called "item" here.',
      '/chain/calls/0/tool: There is no tool "nobody".',
      '/chain/output/$ref: "town" is no property of input.',
    ]);
  });

  it("is named: arguments its tool does not take, whatever the results will be", () => {
    const calls = [
      { id: "a", tool: "strict", arguments: { x: "text" } },
      { id: "b", tool: "strict", arguments: { x: ref("a#/x") } },
    ];
    expect(wrongWith(chainOf(calls))).toEqual([
      "/chain/calls/0/arguments/x: Must be of type number.",
    ]);
  });

  it("is named: labels outside their construct", () => {
    const over = ref("input#");
    const condition = { left: ref("last#"), op: "==", right: ref("index#") };
    const calls = [
      { id: "a", tool: "read", map: { over }, arguments: { x: ref("item#"), y: ref("acc#") } },
      { id: "b", reduce: { over, tool: "read" }, arguments: { x: ref("acc#"), y: ref("last#") } },
      { id: "c", tool: "read", loop: { until: condition }, when: condition },
    ];
    expect(wrongWith(chainOf(calls))).toEqual([
      '/chain/calls/0/arguments/y/$ref: There is nothing called "acc" here.',
      '/chain/calls/1/arguments/y/$ref: There is nothing called "last" here.',
      '/chain/calls/2/when/left/$ref: There is nothing called "last" here.',
      '/chain/calls/2/when/right/$ref: There is nothing called "index" here.',
    ]);
  });

  it("is named: steps that wait for each other, with the circle", () => {
    const calls = [
      { id: "a", tool: "read", arguments: { x: ref("b#") } },
      { id: "b", tool: "read", after: ["a"] },
      { id: "c", tool: "read", when: ref("c#") },
    ];
    expect(wrongWith(chainOf(calls))).toEqual([
      "/chain/calls/0: Steps wait for each other in a circle: a → b → a.",
      "/chain/calls/1: Steps wait for each other in a circle: b → a → b.",
      "/chain/calls/2: Steps wait for each other in a circle: c → c.",
    ]);
  });

  it("is named: a step that does more than the chain declares, a write that is retried", () => {
    const calls = [{ id: "a", tool: "write", retry: { max_attempts: 2 } }];
    expect(wrongWith(chainOf(calls, "a#", { effect: "read" }))).toEqual([
      "/chain/calls/0/tool: The tool's effect is write; the chain declares read.",
      "/chain/calls/0/retry: A tool with the effect write is not called again.",
    ]);
    expect(wrongWith(chainOf([{ id: "a", tool: "write" }]))).toEqual([]);
  });

  it("is named: a step that others can observe in a chain that does not say so", () => {
    const watched = definition({ effect: "read", observable: true, builtin: "calculator" });
    const steps = [{ id: "a", tool: "watched" }];
    expect(wrongWith(chainOf(steps), { watched })).toEqual([
      "/chain/calls/0/tool: The tool is observable; declare the chain so too.",
    ]);
    expect(wrongWith(chainOf(steps, "a#", { observable: true }), { watched })).toEqual([]);
  });

  it("is named: chains that call themselves, directly or through others, with the circle", () => {
    expect(wrongWith(chainOf([{ id: "a", tool: "main" }]))).toEqual([
      "/chain: Chains call each other in a circle: main → main.",
    ]);
    const others = {
      b: chainOf([{ id: "a", tool: "c" }]),
      c: chainOf([{ id: "a", reduce: { over: ref("input#"), tool: "main" } }]),
    };
    expect(wrongWith(chainOf([{ id: "a", tool: "b" }]), others)).toEqual([
      "/chain: Chains call each other in a circle: main → b → c → main.",
    ]);
  });

  it("is named: chains nested five deep; four are fine", () => {
    const through = (tool: string) => chainOf([{ id: "a", tool }]);
    const others = { b: through("c"), c: through("d"), d: through("read") };
    expect(wrongWith(through("b"), others)).toEqual([]);
    expect(wrongWith(through("b"), { ...others, d: through("e"), e: through("read") })).toEqual([
      "/chain: Chains nest at most 4 deep: main → b → c → d → e.",
    ]);
  });
});

describe("the shape of a chain", () => {
  const parses = (step: object, steps = 1) =>
    Chain.safeParse({
      calls: Array.from({ length: steps }, () => ({ id: "a", tool: "read", ...step })),
      output: ref("a#"),
    }).success;
  const until = { left: 1, op: "<", right: 2 };

  it("has 1 to 64 steps, and every construct its bound", () => {
    expect([parses({}, 0), parses({}, 1), parses({}, 64), parses({}, 65)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
    for (const [construct, most] of [
      [(n: number) => ({ map: { over: ref("input#"), max_parallel: n } }), 100],
      [(n: number) => ({ map: { over: ref("input#"), limit: n } }), 1_000],
      [(n: number) => ({ loop: { until, max: n } }), 100],
      [(n: number) => ({ retry: { max_attempts: n } }), 10],
      [(n: number) => ({ timeout_ms: n }), 300_000],
    ] as const) {
      expect([parses(construct(0)), parses(construct(most)), parses(construct(most + 1))]).toEqual([
        false,
        true,
        false,
      ]);
    }
  });

  it("takes references of the form label#/pointer only, and no unknown field", () => {
    expect(parses({ map: { over: ref("input") } })).toBe(false);
    expect(parses({ map: { over: ref("input#x") } })).toBe(false);
    expect(parses({ loop: { max: 3 } })).toBe(false);
    expect(parses({ repeat: 3 })).toBe(false);
  });

  it("fills in defaults: ten at once, a thousand items, ten rounds, and failing", () => {
    const { calls } = Chain.parse({
      calls: [
        { id: "a", tool: "read", map: { over: ref("input#") } },
        { id: "b", tool: "read", loop: { until } },
      ],
      output: ref("a#"),
    });
    expect(calls[0]).toMatchObject({ map: { max_parallel: 10, limit: 1_000 }, on_failure: "fail" });
    expect(calls[1]).toMatchObject({ loop: { max: 10 } });
  });
});
