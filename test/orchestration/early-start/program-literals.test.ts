import { type Expression, parseExpressionAt } from "acorn";
import { describe, expect, it } from "vitest";

import { literalOf, literalText } from "../../../src/orchestration/early-start/program-literals.ts";

/** Nesting of literals that is still read. */
const DEEPEST = 32;

const CONSTANTS = new Map([["known", "value"]]);

function expression(code: string): Expression {
  return parseExpressionAt(code, 0, { ecmaVersion: 2025, sourceType: "module" });
}

function read(code: string): unknown {
  return literalOf(expression(code), CONSTANTS);
}

function nested(levels: number): string {
  return `${"[".repeat(levels)}1${"]".repeat(levels)}`;
}

describe("literalOf", () => {
  it.each<[string, unknown]>([
    ["null", null],
    ["true", true],
    ["-1.5", -1.5],
    ["'a'", "a"],
    ["`a`", "a"],
    ["known", "value"],
    ["[1, [known]]", [1, ["value"]]],
    ["({a: 1, 'b c': {}, 3: [], known})", { a: 1, "b c": {}, 3: [], known: "value" }],
  ])("reads `%s` as it stands", (code, value) => {
    expect(read(code)).toEqual(value);
  });

  it.each([
    "unknown",
    "`a${1}`",
    "+1",
    "!true",
    "-known",
    "/a/",
    "1n",
    "[,]",
    "[1, ...known]",
    "[f()]",
    "({...known})",
    "({[known]: 1})",
    "({get a() { return 1 }})",
    "({a() {}})",
    "({1n: 1})",
    "({a: f()})",
  ])("takes `%s` for no literal", (code) => {
    expect(read(code)).toBe(undefined);
  });

  it("reads literals nested as deep as it may, and nothing of a deeper one", () => {
    expect(JSON.stringify(read(nested(DEEPEST)))).toBe(nested(DEEPEST));
    expect(read(nested(DEEPEST + 1))).toBe(undefined);
    const object = (levels: number) => `(${'{"a":'.repeat(levels)}1${"}".repeat(levels)})`;
    expect(JSON.stringify(read(object(DEEPEST)))).toBe(object(DEEPEST).slice(1, -1));
    expect(read(object(DEEPEST + 1))).toBe(undefined);
  });
});

describe("literalText", () => {
  it("is the text of a name that stands there, and of nothing else", () => {
    expect(["'a'", "1", "true", "a"].map((code) => literalText(expression(code)))).toEqual([
      "a",
      "1",
      null,
      null,
    ]);
  });
});
