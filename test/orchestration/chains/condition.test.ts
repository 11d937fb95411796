import { describe, expect, it } from "vitest";

import type { Comparison } from "../../../src/contract/chain.ts";
import { compare, holds } from "../../../src/orchestration/chains/condition.ts";
import type { Json } from "../../../src/platform/canonical-json.ts";

type Side = Comparison["left"];

const truth = (value: Json) => holds({ $ref: "x#" }, new Map([["x", value]]));

describe("a reference as a condition", () => {
  it("is false for null, false, 0, the empty text and the empty list, else true", () => {
    for (const value of [null, false, 0, "", []])
      expect(truth(value)).toEqual({ ok: true, value: false });
    for (const value of [true, 1, -1, "0", "false", [0], {}])
      expect(truth(value)).toEqual({ ok: true, value: true });
  });

  it("fails when it leads to nothing", () => {
    expect(holds({ $ref: "x#/a" }, new Map([["x", {}]]))).toMatchObject({ ok: false });
    expect(holds({ $ref: "y#" }, new Map())).toMatchObject({ ok: false });
  });
});

describe("a comparison", () => {
  const table: readonly (readonly [Side, Comparison["op"], Side, boolean])[] = [
    [{ a: 1, b: 2 }, "==", { b: 2, a: 1 }, true],
    [1, "==", "1", false],
    [1, "!=", "1", true],
    [2, "<", 10, true],
    ["2", "<", "10", false],
    [2, "<=", 2, true],
    [2, "<", 2, false],
    [3, ">", 2, true],
    [2, ">=", 3, false],
    ["b", ">=", "b", true],
  ];

  it.each(table)("%j %s %j is %s", (left, op, right, expected) => {
    expect(compare({ left, op, right }, new Map())).toEqual({ ok: true, value: expected });
  });

  it("takes references on both sides", () => {
    const scope = new Map<string, Json>([
      ["x", { n: 3 }],
      ["y", 3],
    ]);
    const comparison = { left: { $ref: "x#/n" }, op: "==" as const, right: { $ref: "y#" } };
    expect(compare(comparison, scope)).toEqual({ ok: true, value: true });
  });

  it("fails where there is no order", () => {
    const pairs: readonly (readonly [Side, Side])[] = [
      [1, "2"],
      [null, 1],
      [[1], [2]],
    ];
    for (const [left, right] of pairs)
      expect(compare({ left, op: "<", right }, new Map())).toMatchObject({ ok: false });
  });
});
