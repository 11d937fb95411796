/** What counts as a reference and what is data; nothing but the author's own arguments is ever read this way. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  MAX_POINTER_LENGTH,
  MAX_REFERENCES,
  MAX_TEMPLATE_LENGTH,
  readReferences,
} from "../../../src/orchestration/plan/read-references.ts";

const SEED = 20_261_122;

/** The one violation of arguments, as `<pointer> <message>`. */
function mistakeOf(values: Parameters<typeof readReferences>[0]): string {
  const [mistake, ...more] = readReferences(values).violations;
  expect(more).toEqual([]);
  return mistake === undefined ? "" : `${mistake.pointer} ${mistake.message}`;
}

describe("a reference", () => {
  it("is an object with the one key $ref, at any depth, as a field or an item", () => {
    const values = { a: { $ref: "x#/p" }, b: [{ c: { $ref: "y#" } }, 1], "d/e": { $ref: "z#/~1" } };
    expect(readReferences(values)).toEqual({
      values,
      references: [
        { kind: "value", at: "/a", source: { label: "x", pointer: "/p" } },
        { kind: "value", at: "/b/0/c", source: { label: "y", pointer: "" } },
        { kind: "value", at: "/d~1e", source: { label: "z", pointer: "/~1" } },
      ],
      violations: [],
      lookalikes: [],
    });
  });

  it.each([
    { $ref: "#/definitions/x" },
    { $ref: "https://example.com/schema#/x" },
    { $ref: "a b#/x" },
    { $ref: "label" },
    { $ref: "x#/a", other: 1 },
    { $ref: 5 },
    { $ref: { $ref: 5 } },
    { $tmpl: 5 },
    "x#/a",
    "${x#/a}",
    '{"$ref":"x#/a"}',
  ])("is not %j: that is data", (value) => {
    const read = readReferences({ value });
    expect([read.values, read.references, read.violations]).toEqual([{ value }, [], []]);
  });

  it("may not be the arguments themselves", () => {
    expect(readReferences({ $ref: "x#/a" }).references).toEqual([]);
  });

  it("is refused with its place when what follows # is no pointer", () => {
    expect(mistakeOf({ a: [{ $ref: "x#price" }] })).toMatch(/^\/a\/0\/\$ref What follows "#" must/);
    expect(mistakeOf({ a: { $ref: "x#/a~2" } })).toMatch(/^\/a\/\$ref /);
  });

  it("may be as long as the longest pointer and no longer", () => {
    const longest = `/${"p".repeat(MAX_POINTER_LENGTH - 1)}`;
    expect(mistakeOf({ a: { $ref: `x#${longest}` } })).toBe("");
    expect(mistakeOf({ a: { $ref: `x#${longest}p` } })).toContain("more than 1024 characters");
  });

  it("may stand so often in one call and no more, templates counted by their parts", () => {
    const some = Array.from({ length: MAX_REFERENCES - 2 }, () => ({ $ref: "x#" }));
    const two = { $tmpl: "${x#}${x#}" };
    expect(mistakeOf({ some, two })).toBe("");
    expect(mistakeOf({ some, two, one: { $ref: "x#" } })).toContain("at most 64 places");
  });
});

describe("a template", () => {
  it("is text with references in it", () => {
    expect(readReferences({ t: { $tmpl: "5 * ${a#/rate} + ${b#}!" } }).references).toEqual([
      {
        kind: "text",
        at: "/t",
        parts: ["5 * ", { label: "a", pointer: "/rate" }, " + ", { label: "b", pointer: "" }, "!"],
      },
    ]);
  });

  it("writes a plain ${ as $${, and $ and } as themselves", () => {
    const { references } = readReferences({ t: { $tmpl: "$5 $${a#} } $$ ${a#}" } });
    expect(references).toMatchObject([{ parts: ["$5 ${a#} } $$ ", { label: "a", pointer: "" }] }]);
  });

  it("without a reference is its text", () => {
    expect(readReferences({ t: { $tmpl: "$${x}" } })).toMatchObject({
      values: { t: "${x}" },
      references: [],
    });
  });

  it.each([
    ["${a#/x", 'The "${" at character 1 has no "}"'],
    ["ab${rate}", 'The "${" at character 3 begins no reference. Write "${label#/pointer}"'],
    ["${a#x}", "must be a JSON pointer"],
    ["${}", "begins no reference"],
  ])("is refused with its place: %s", (text, message) => {
    const mistake = mistakeOf({ t: [{ $tmpl: text }] });
    expect(mistake.startsWith("/t/0/$tmpl ")).toBe(true);
    expect(mistake).toContain(message);
  });

  it("may be as long as the longest and no longer", () => {
    expect(mistakeOf({ t: { $tmpl: "x".repeat(MAX_TEMPLATE_LENGTH) } })).toBe("");
    expect(mistakeOf({ t: { $tmpl: "x".repeat(MAX_TEMPLATE_LENGTH + 1) } })).toContain(
      "more than 16384 characters",
    );
  });

  it("gives back any text, escaped", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const escaped = text.replaceAll("${", "$${");
        // A `$` right before `${` would read as part of the escape.
        fc.pre(!escaped.includes("$$${"));
        expect(readReferences({ t: { $tmpl: escaped } }).values).toEqual({ t: text });
      }),
      { seed: SEED },
    );
  });
});

describe("$literal", () => {
  it("sends what looks like a reference as it is, and is read no further", () => {
    const data = { $ref: "x#/a", deep: [{ $tmpl: "${y#}" }] };
    const read = readReferences({ a: { $literal: data }, b: [{ $literal: { $ref: "x#/a" } }] });
    expect([read.values, read.references]).toEqual([{ a: data, b: [{ $ref: "x#/a" }] }, []]);
  });

  it("beside another key is a field like any other", () => {
    const values = { a: { $literal: { $ref: "x#" }, b: 1 } };
    expect(readReferences(values).references).toMatchObject([{ at: "/a/$literal" }]);
  });
});

describe("any arguments", () => {
  it("without a $ come back as they were, the same object", () => {
    const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes("$"));
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (arbitrary) => {
        const values = JSON.parse(JSON.stringify(arbitrary));
        fc.pre(!JSON.stringify(values).includes("$"));
        const read = readReferences(values);
        expect(read.values).toBe(values);
        expect([read.references, read.violations]).toEqual([[], []]);
      }),
      { seed: SEED },
    );
  });
});
