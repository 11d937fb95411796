/** Schemas that may be registered, and every mistake of one at once. */

import { describe, expect, it } from "vitest";

import { SCHEMA_CASES } from "../../scripts/json-schema-cases.ts";
import type { JsonObject } from "../../src/platform/canonical-json.ts";
import { isJsonObject } from "../../src/platform/canonical-json.ts";
import { MAX_SCHEMA_DEPTH, MAX_SCHEMA_NODES, checkSchema } from "../../src/tools/check-schema.ts";

function nested(levels: number): JsonObject {
  let schema: JsonObject = { type: "object" };
  for (let level = 1; level < levels; level += 1)
    schema = { type: "object", properties: { a: schema } };
  return schema;
}

function wide(parts: number): JsonObject {
  const properties = Object.fromEntries(
    Array.from({ length: parts - 1 }, (_, index) => [`p${index}`, {}]),
  );
  return { type: "object", properties };
}

describe("checkSchema", () => {
  it("accepts every schema of the table of tricky ones", () => {
    for (const { name, schema } of SCHEMA_CASES) {
      const violations = isJsonObject(schema) ? checkSchema(schema, "") : null;
      expect({ name, violations }).toEqual({ name, violations: [] });
    }
  });

  it("names every mistake with its pointer", () => {
    const schema = {
      type: "dict",
      properties: {
        a: { type: "float" },
        b: { $ref: "https://example.com/schema" },
        c: { $ref: "#/nowhere" },
        d: { pattern: "^(a+)+$" },
        e: { required: true },
        f: { anyOf: [] },
        "g/h": { enum: [] },
        i: { type: [] },
        j: { minLength: -1 },
        k: { multipleOf: 0 },
        l: { properties: [] },
        m: 5,
        n: { $anchor: "x" },
        o: { dependencies: {} },
        p: { $id: "inner" },
        q: { dependentRequired: { a: "b" } },
        r: { $ref: 5 },
        s: { $ref: "#%zz" },
        t: { minimum: "1" },
        u: { uniqueItems: 1 },
        v: { format: 1 },
        w: { patternProperties: { "(": {} } },
        x: { $ref: "#/%zz" },
      },
    };
    expect(checkSchema(schema, "/input").map((violation) => violation.pointer)).toEqual([
      "/input/type",
      "/input/properties/a/type",
      "/input/properties/b/$ref",
      "/input/properties/d/pattern",
      "/input/properties/e/required",
      "/input/properties/f/anyOf",
      "/input/properties/g~1h/enum",
      "/input/properties/i/type",
      "/input/properties/j/minLength",
      "/input/properties/k/multipleOf",
      "/input/properties/l/properties",
      "/input/properties/m",
      "/input/properties/n/$anchor",
      "/input/properties/o/dependencies",
      "/input/properties/p/$id",
      "/input/properties/q/dependentRequired",
      "/input/properties/r/$ref",
      "/input/properties/s/$ref",
      "/input/properties/t/minimum",
      "/input/properties/u/uniqueItems",
      "/input/properties/v/format",
      "/input/properties/w/patternProperties/(",
      "/input/properties/x/$ref",
      "/input/properties/c/$ref",
    ]);
  });

  it.each([
    [{ $ref: "#" }],
    [{ allOf: [{ $ref: "#" }] }],
    [
      {
        $ref: "#/$defs/a",
        $defs: { a: { anyOf: [{ $ref: "#/$defs/b" }] }, b: { not: { $ref: "#/$defs/a" } } },
      },
    ],
    [{ if: { $ref: "#" }, else: {} }],
    [{ dependentSchemas: { a: { $ref: "#" } } }],
  ])("refuses %j, whose validation would never end", (schema) => {
    expect(checkSchema(schema, "").map((violation) => violation.message)).toContain(
      "The reference leads back to itself.",
    );
  });

  it("accepts a reference that leads back through a part of the value", () => {
    expect(checkSchema({ properties: { next: { $ref: "#" } } }, "")).toEqual([]);
  });

  it("accepts the deepest and the largest schema, and none beyond", () => {
    expect(checkSchema(nested(MAX_SCHEMA_DEPTH), "")).toEqual([]);
    expect(checkSchema(nested(MAX_SCHEMA_DEPTH + 1), "")).toHaveLength(1);
    expect(checkSchema(wide(MAX_SCHEMA_NODES), "")).toEqual([]);
    expect(checkSchema(wide(MAX_SCHEMA_NODES + 5), "")).toEqual([
      {
        pointer: `/properties/p${MAX_SCHEMA_NODES - 1}`,
        message: "The schema has more than 2000 parts.",
      },
    ]);
  });

  it("bounds the patterns of property names", () => {
    const patterns = (count: number) => ({
      patternProperties: Object.fromEntries(
        Array.from({ length: count }, (_, index) => [`^p${index}`, {}]),
      ),
    });
    expect(checkSchema(patterns(16), "")).toEqual([]);
    expect(checkSchema(patterns(17), "")).toMatchObject([{ pointer: "/patternProperties" }]);
  });
});
