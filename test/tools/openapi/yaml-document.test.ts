import fc from "fast-check";
import { dump } from "js-yaml";
import { describe, expect, it } from "vitest";

import { MAX_JSON_DEPTH } from "../../../src/tools/bounded-json.ts";
import {
  MAX_YAML_ALIASES,
  MAX_YAML_LENGTH,
  parseYaml,
} from "../../../src/tools/openapi/yaml-document.ts";

function value(text: string): unknown {
  const parsed = parseYaml(text);
  return parsed.ok ? parsed.value : `refused: ${parsed.error}`;
}

/** Nine aliases a level, each of the level before. */
function bomb(levels: number): string {
  const line = (n: number) =>
    `l${n}: &l${n} [${Array(9)
      .fill(`*l${n - 1}`)
      .join(", ")}]`;
  return [
    "l0: &l0 [x, x, x, x, x, x, x, x, x]",
    ...Array.from({ length: levels }, (_, n) => line(n + 1)),
  ].join("\n");
}

describe("parseYaml", () => {
  it("reads what JSON can say, written as YAML or as JSON", () => {
    const json = fc.jsonValue({ maxDepth: 6, noUnicodeString: false });
    fc.assert(
      fc.property(json, (given) => {
        const plain: unknown = JSON.parse(JSON.stringify(given));
        expect(value(dump(plain))).toEqual(plain);
        expect(value(JSON.stringify(plain, null, 2))).toEqual(plain);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it("reads only the core types: no dates, no yes and no, no merge, no own tags", () => {
    const text = "a: 2020-01-01\nb: yes\nc: 0x1f\nd: ~\n<<: {e: 1}\n1: x\n__proto__: {f: 1}";
    expect(JSON.stringify(value(text))).toBe(
      '{"1":"x","a":"2020-01-01","b":"yes","c":31,"d":null,"<<":{"e":1},"__proto__":{"f":1}}',
    );
    expect(value("a: !!js/function 'x'")).toMatch(/^refused.*line 1/);
  });

  it("copies what an alias stands for", () => {
    expect(value("a: &x {b: 1}\nc: *x\nd: *x")).toEqual({
      a: { b: 1 },
      c: { b: 1 },
      d: { b: 1 },
    });
  });

  it.each([
    ["an alias bomb with few aliases", bomb(9)],
    ["one with many", bomb(30)],
    ["an alias of itself", "a: &a [*a]"],
    [
      "one alias too many",
      `a: &x 1\nb: [${Array(MAX_YAML_ALIASES + 1)
        .fill("*x")
        .join(", ")}]`,
    ],
    ["a level too many", `a: ${"[".repeat(MAX_JSON_DEPTH)}${"]".repeat(MAX_JSON_DEPTH)}`],
    ["thousands of levels", "[".repeat(100_000)],
    ["a key that is a list", "? [a]\n: 1"],
    ["a key given twice", "a: 1\na: 2"],
    ["two documents", "--- a\n--- b"],
    ["a number JSON has not", "a: .nan"],
    ["no YAML", "a: [1"],
    ["one character too many", `a: "${"x".repeat(MAX_YAML_LENGTH - 4)}"`],
  ])("refuses %s, soon", (_what, text) => {
    const startedAt = Date.now();
    expect(value(text)).toMatch(/^refused: /);
    expect(Date.now() - startedAt).toBeLessThan(5_000);
  });

  it("reads as many aliases, levels and characters as it says", () => {
    const aliases = `a: &x 1\nb: [${Array(MAX_YAML_ALIASES).fill("*x").join(", ")}]`;
    expect(value(aliases)).toMatchObject({ a: 1 });
    const deep = `a: ${"[".repeat(MAX_JSON_DEPTH - 1)}${"]".repeat(MAX_JSON_DEPTH - 1)}`;
    expect(value(deep)).toHaveProperty("a");
    expect(value(`a: "${"x".repeat(MAX_YAML_LENGTH - 5)}"`)).toHaveProperty("a");
  });
});
