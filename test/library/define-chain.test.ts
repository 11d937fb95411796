import { describe, expect, it } from "vitest";

import { defineChain, text } from "../../src/library/define-chain.ts";
import { defineTool, InvalidTool } from "../../src/library/define-tool.ts";
import { run } from "../../src/library/run.ts";

const INPUT = { type: "object" } as const;
const calculate = defineTool({
  name: "calculate",
  description: "Calculates",
  input: {
    type: "object",
    properties: { expression: { type: "string" } },
    required: ["expression"],
  },
  effect: "pure",
  builtin: "calculator",
});
const NAMES = { description: "A chain", input: INPUT, effect: "pure" } as const;

/** The constructs of examples/chain.ts, whose header works out the result. */
const bill = defineChain({
  ...NAMES,
  name: "bill",
  steps: (chain) => {
    const prices = chain.map("prices", calculate, {
      over: chain.input("/amounts"),
      maxParallel: 2,
      limit: 100,
      arguments: { expression: text`${chain.item()} * 2` },
    });
    const total = chain.reduce("total", calculate, {
      over: prices.at(),
      initial: { result: 0 },
      arguments: { expression: text`${chain.acc("/result")} + ${chain.item("/result")}` },
    });
    const discount = chain.call("discount", calculate, {
      when: { left: total.at("/result"), op: ">", right: 100 },
      arguments: { expression: text`${total.at("/result")} / 4` },
    });
    const doubled = chain.loop("doubled", calculate, {
      until: { left: chain.last("/result"), op: ">=", right: discount.at("/result") },
      max: 8,
      arguments: { expression: text`2 ^ ${chain.index()}` },
    });
    const lent = chain.call("lent", "calculate", {
      arguments: { expression: text`1 / nothing` },
      maxAttempts: 2,
      timeoutMs: 500,
      onFailure: { default: { result: 1000 } },
      after: [doubled],
    });
    return chain.call("answer", calculate, {
      arguments: {
        expression: text`${total.at("/result")} - ${discount.at("/result")} + ${doubled.at("/result")} + ${lent.at("/result")}`,
      },
    });
  },
});

describe("defineChain", () => {
  it("yields the plan that is declared over HTTP", () => {
    expect(bill.definition.chain).toEqual({
      calls: [
        {
          id: "prices",
          tool: "calculate",
          map: { over: { $ref: "input#/amounts" }, max_parallel: 2, limit: 100 },
          arguments: { expression: { $tmpl: "${item#} * 2" } },
          on_failure: "fail",
        },
        {
          id: "total",
          reduce: { over: { $ref: "prices#" }, tool: "calculate", initial: { result: 0 } },
          arguments: { expression: { $tmpl: "${acc#/result} + ${item#/result}" } },
          on_failure: "fail",
        },
        {
          id: "discount",
          tool: "calculate",
          when: { left: { $ref: "total#/result" }, op: ">", right: 100 },
          arguments: { expression: { $tmpl: "${total#/result} / 4" } },
          on_failure: "fail",
        },
        {
          id: "doubled",
          tool: "calculate",
          loop: {
            until: {
              left: { $ref: "last#/result" },
              op: ">=",
              right: { $ref: "discount#/result" },
            },
            max: 8,
          },
          arguments: { expression: { $tmpl: "2 ^ ${index#}" } },
          on_failure: "fail",
        },
        {
          id: "lent",
          tool: "calculate",
          arguments: { expression: { $tmpl: "1 / nothing" } },
          after: ["doubled"],
          retry: { max_attempts: 2 },
          timeout_ms: 500,
          on_failure: { default: { result: 1000 } },
        },
        {
          id: "answer",
          tool: "calculate",
          arguments: {
            expression: {
              $tmpl:
                "${total#/result} - ${discount#/result} + ${doubled#/result} + ${lent#/result}",
            },
          },
          on_failure: "fail",
        },
      ],
      output: { $ref: "answer#" },
    });
  });

  it("runs as one tool, with the result worked out by hand", async () => {
    const { results } = await run([{ tool: bill, arguments: { amounts: [12, 20, 30] } }], {
      tools: [calculate, bill],
    }).report();
    expect(results).toHaveLength(1);
    expect(results[0]?.outputJson).toBe('{"result":1125}');
  });

  it("may call another chain, and holds its result against its own output schema", async () => {
    const outer = defineChain({
      ...NAMES,
      name: "outer",
      output: { type: "number" },
      steps: (chain) =>
        chain
          .call("inner", bill, { arguments: { amounts: chain.input("/amounts") } })
          .at("/result"),
    });
    const tools = [calculate, bill, outer];
    const values = { amounts: [12, 20, 30] };
    const { results } = await run([{ tool: outer, arguments: values }], { tools }).report();
    expect(results[0]?.outputJson).toBe("1125");
  });

  it("is refused with a step that is wrong, a tool that is not there, a name that is there twice", () => {
    expect(() =>
      defineChain({ ...NAMES, name: "bad", steps: (chain) => chain.call("not an id", calculate) }),
    ).toThrow(InvalidTool);
    const lonely = defineChain({
      ...NAMES,
      name: "lonely",
      steps: (chain) => chain.call("one", "nobody"),
    });
    expect(() => run([{ tool: lonely }], { tools: [lonely] })).toThrow("/chain/calls/0/tool");
    expect(() => run([{ tool: bill }], { tools: [calculate, bill, { ...bill }] })).toThrow(
      "the same name",
    );
  });
});
