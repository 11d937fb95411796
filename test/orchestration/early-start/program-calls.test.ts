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
    ["in a sum", "const n = await tools.a({}) + await tools.b({})", ["a", "b"]],
    ["in an assignment", "x = await tools.a({})", ["a"]],
    ["in a template", "text(`${await tools.a({})} and ${await tools.b({})}`)", ["a", "b"]],
    ["in a list", "[await tools.a({}), ...(await tools.b({}))]", ["a", "b"]],
    ["in an object", "f({x: await tools.a({}), ...(await tools.b({}))})", ["a", "b"]],
    ["under an operator", "const no = !(await tools.a({}))", ["a"]],
    ["in a block", "{ ; { await tools.a({}) } }", ["a"]],
    ["after a function that is only defined", "function f() { tools.b() } await tools.a()", ["a"]],
    [
      "before one whose arguments are no literals",
      "tools.a(); tools.b({...x}); tools.c()",
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
    ["with a computed name", 'const q = "x"; await tools.a({[q]: 1})'],
    ["with a getter", "await tools.a({get q() { return 1 }})"],
    ["in a generator, which does not run when it is called", "(function* () { tools.a({}) })()"],
    ["with a result of another", "const r = await other(); await tools.a({id: r.id})"],
    ["with a list as arguments", "await tools.a([1])"],
    ["of something else", "await fetch({})"],
    ["of another object", "await other.a({})"],
    ["of an optional chain", "await tools?.a({})"],
    ["in what does not parse", "await tools.a({"],
  ])("does not find a call %s", (_name, code) => {
    expect(names(code)).toEqual([]);
  });

  // What is not followed may write, in whatever it is written.
  it.each([
    "new Shop(await tools.write({}))",
    "shop?.buy(await tools.write({}))",
    "const S = class { static x = tools.write({}) }",
    "class S { static x = tools.write({}) }",
    "const y = x ? await tools.write({}) : 1",
    "x || await tools.write({})",
    "await import(tools.write({}))",
    "const y = (1, await tools.write({}))",
    "tag`${await tools.write({})}`",
    "tools.count++",
    "x += await tools.write({})",
    "do { await tools.write({}) } while (x)",
    "while (x) { await tools.write({}) }",
    "for (;;) { await tools.write({}) }",
    "for (const k in x) { await tools.write({}) }",
    "for (const k of x) { await tools.write({}) }",
    "if (x) { await tools.write({}) }",
    "outer: { await tools.write({}) }",
    "switch (x) { case 1: await tools.write({}) }",
    "export default await tools.write({})",
    "export const y = await tools.write({})",
    "(function* () { tools.write({}) })()",
    "(async (x) => { await tools.write({}) })(1)",
    "f(...(await tools.write({})))",
    "f({...(await tools.write({}))})",
    "text(`${await tools.write({})}`)",
  ])("finds no call after `%s`", (code) => {
    expect(names(`${code};\nawait tools.a({});`)).toEqual([]);
  });

  it.each(["throw x", "return", "for (const k of x) { break }", "for (;;) { continue }"])(
    "finds no call after `%s`, which may leave",
    (code) => {
      expect(names(`if (x) { ${code} }\nawait tools.a({});`)).toEqual([]);
    },
  );

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
