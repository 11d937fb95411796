import { describe, expect, it } from "vitest";

import { mergePatch } from "../../src/algorithms/merge-patch.ts";

describe("mergePatch", () => {
  it.each([
    // RFC 7396 Appendix A, the rows whose patch is an object.
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])("merges %j with %j as RFC 7396 says", (target, patch, expected) => {
    expect(mergePatch(target, patch)).toEqual(expected);
  });

  it("changes neither the target nor any prototype", () => {
    const target = { a: { b: 1 } };
    const patch: { a: { b: number } } = JSON.parse('{"__proto__":{"polluted":true},"a":{"b":2}}');
    const merged = mergePatch(target, patch);
    expect(target).toEqual({ a: { b: 1 } });
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
    expect("polluted" in {}).toBe(false);
    expect(JSON.stringify(merged)).toBe('{"a":{"b":2},"__proto__":{"polluted":true}}');
  });
});
