/** Tool names on the wire: accepted by providers, one to one, and the same for the same tools. */

import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";

import { wireNames } from "../../src/tools/wire-name.ts";

const ACCEPTED = /^[a-zA-Z0-9_-]{1,64}$/;

function expectBijection(names: readonly string[]): void {
  const { toWire, fromWire } = wireNames(names);
  expect(toWire.size).toBe(new Set(names).size);
  expect(fromWire.size).toBe(toWire.size);
  for (const [name, wire] of toWire) {
    expect(wire).toMatch(ACCEPTED);
    expect(fromWire.get(wire)).toBe(name);
    expect(ACCEPTED.test(name) ? wire : name).toBe(name);
  }
}

describe("wireNames", () => {
  it("leaves a name that is fine alone and writes the others plainly", () => {
    const { toWire } = wireNames(["get_weather", "math.add", "mcp:search"]);
    expect(Object.fromEntries(toWire)).toEqual({
      get_weather: "get_weather",
      "math.add": "math_add",
      "mcp:search": "mcp_search",
    });
  });

  it("tells names apart that would become the same", () => {
    const { toWire } = wireNames(["a.b", "a:b", "a_b"]);
    expect(toWire.get("a_b")).toBe("a_b");
    expect(toWire.get("a.b")).toMatch(/^a_b_[0-9a-z]{7}$/);
    expect(toWire.get("a:b")).toMatch(/^a_b_[0-9a-z]{7}$/);
    expectBijection(["a.b", "a:b", "a_b"]);
  });

  it("keeps clear of a tool whose own name looks like a hashed one", () => {
    const hashed = wireNames(["a.b", "a_b"]).toWire.get("a.b") ?? "";
    const names = ["a.b", "a_b", hashed, hashed.replaceAll("_", ".")];
    expectBijection(names);
    expect(wireNames(names).toWire.get(hashed)).toBe(hashed);
  });

  it("stays within the longest name", () => {
    expectBijection([`${"x".repeat(63)}.`, `${"x".repeat(63)}:`, `${"x".repeat(63)}_`]);
  });

  it("is one to one, and the same in whatever order the tools come", () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "B", "_", ".", ":", "-", "7"),
      minLength: 1,
      maxLength: 64,
    });
    fc.assert(
      fc.property(fc.array(name, { maxLength: 40 }), (names) => {
        expectBijection(names);
        const again = wireNames(names.toReversed()).toWire;
        expect(Object.fromEntries(again)).toEqual(Object.fromEntries(wireNames(names).toWire));
      }),
      { seed: 3, numRuns: 500 },
    );
  });

  it("maps every name of the function calling data set", ({ skip }) => {
    const tasks = inject("shared").functionTasks;
    if (tasks === null) return skip("no ../shared/data/bfcl");
    const names = tasks.flatMap((task) => {
      const { function: functions }: { function: { name: string }[] } = JSON.parse(task);
      return functions.map((one) => one.name);
    });
    expect(names.length).toBeGreaterThan(100);
    expectBijection(names);
  });
});
