import { describe, expect, it } from "vitest";

import {
  findProgramCalls,
  MAX_PROGRAM_CALLS,
  MAX_PROGRAM_LENGTH,
} from "../../../src/orchestration/early-start/program-calls.ts";

/** Everything but tools called `write…` may be started early. */
function names(code: string): readonly string[] {
  return findProgramCalls(code, (name) => !name.startsWith("write")).map(({ name }) => name);
}

describe("findProgramCalls", () => {
  it("finds both calls of a program that awaits one after the other", () => {
    const code = [
      'const inventory = await tools.getInventory({sku: "sku_123"});',
      'const demand = await tools.getDemand({sku: "sku_123", days: -7, all: true, list: [1, `two`]});',
      "text(JSON.stringify({inventory, demand}));",
    ].join("\n");
    expect(findProgramCalls(code, () => true)).toEqual([
      { name: "getInventory", arguments: { sku: "sku_123" } },
      { name: "getDemand", arguments: { sku: "sku_123", days: -7, all: true, list: [1, "two"] } },
    ]);
  });

  it.each([
    ["in Promise.all", "const [x, y] = await Promise.all([tools.a({}), tools.b()]);", ["a", "b"]],
    ["in an argument", 'text(await tools.a({q: "x"}))', ["a"]],
    ["in a chain of members", "const n = (await tools.a({})).items.length;", ["a"]],
    ["in an immediately called function", "await (async () => { await tools.a({}); })();", ["a"]],
    [
      "in a try",
      "try { await tools.a({}) } catch { await tools.b({}) } await tools.c({})",
      ["a", "c"],
    ],
    ["under a quoted name", 'await tools["a"]({})', ["a"]],
    ["with a constant", 'const q = "x"; await tools.a({q: q})', ["a"]],
    ["after a harmless branch", "if (x) { y = 1 } await tools.a({})", ["a"]],
    ["of a returned value", "return await tools.a({}); await tools.b({})", ["a"]],
  ])("finds a call %s", (_name, code, found) => {
    expect(names(code)).toEqual(found);
  });

  it.each([
    ["under a branch", "if (x) { await tools.a({}) }"],
    ["after a branch that may leave", "if (x) { return } await tools.a({})"],
    ["after a branch that may call", "if (x) { await tools.write({}) } await tools.a({})"],
    ["in a loop", "for (const x of y) await tools.a({})"],
    ["behind a short circuit", "x && await tools.a({})"],
    ["in a condition", "const y = x ? await tools.a({}) : 1"],
    ["in a function that is only defined", "const f = async () => tools.a({})"],
    ["in a catch", "try { f() } catch { await tools.a({}) }"],
    ["after a write", "await tools.write({}); await tools.a({})"],
    ["whose argument is itself a write", "await tools.a(await tools.write({}))"],
    ["after a throw", "throw 1; await tools.a({})"],
    ["with a variable", "let q = 1; await tools.a({q})"],
    ["with a computed value", "await tools.a({q: f()})"],
    ["with a constant declared again", 'const q = "x"; { const q = f(); await tools.a({q}) }'],
    ["with a parameter", 'const q = "x"; (async (q) => { await tools.a({q}) })(1)'],
    ["with a spread", "await tools.a({...x})"],
    ["with a result of another", "const r = await other(); await tools.a({id: r.id})"],
    ["with a list as arguments", "await tools.a([1])"],
    ["of something else", "await fetch({})"],
    ["of another object", "await other.a({})"],
    ["of an optional chain", "await tools?.a({})"],
    ["in what does not parse", "await tools.a({"],
  ])("does not find a call %s", (_name, code) => {
    expect(names(code)).toEqual([]);
  });

  it("finds the first calls when there are more than the bound, and nothing in a longer program", () => {
    const call = "await tools.a({});\n";
    expect(names(call.repeat(MAX_PROGRAM_CALLS))).toHaveLength(MAX_PROGRAM_CALLS);
    expect(names(call.repeat(MAX_PROGRAM_CALLS + 1))).toHaveLength(MAX_PROGRAM_CALLS);
    expect(names(call.padEnd(MAX_PROGRAM_LENGTH, " "))).toEqual(["a"]);
    expect(names(call.padEnd(MAX_PROGRAM_LENGTH + 1, " "))).toEqual([]);
  });

  it("survives a program that nests deeper than anybody writes", () => {
    expect(names(`await tools.a({q: ${"[".repeat(20_000)}${"]".repeat(20_000)}})`)).toEqual([]);
    expect(names(`${"(".repeat(500)}await tools.a({})${")".repeat(500)}`)).toEqual(["a"]);
  });
});
