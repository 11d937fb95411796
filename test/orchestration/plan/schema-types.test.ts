/** What a schema says about a place: never less than what a valid value may really have there. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { parsePointer, resolvePointer } from "../../../src/algorithms/json-pointer.ts";
import { typeOf, typesAt } from "../../../src/orchestration/plan/schema-types.ts";
import type { Json, JsonObject } from "../../../src/platform/canonical-json.ts";
import { check } from "../../../src/tools/arguments.ts";
import { smallJson, smallPointer, smallSchema } from "../../support/small-schemas.ts";

const SEED = 20_261_122;

function at(schema: JsonObject, pointer: string): string {
  return typesAt(schema, parsePointer(pointer) ?? []).join(" ");
}

describe("typesAt", () => {
  it("never leaves out what a valid value has", () => {
    let places = 0;
    fc.assert(
      fc.property(smallSchema, smallJson, smallPointer, (schema, value, pointer) => {
        fc.pre(check(schema, value, "").length === 0);
        const members = parsePointer(pointer) ?? [];
        const found = resolvePointer(value, members);
        if (!found.ok) return;
        places += 1;
        expect(typesAt(schema, members)).toContain(typeOf(found.value));
      }),
      { seed: SEED, numRuns: 3000 },
    );
    expect(places).toBeGreaterThan(500);
  });

  it.each<[string, JsonObject, string, string]>([
    ["a property", { type: "object", properties: { a: { type: "integer" } } }, "/a", "number"],
    ["a field of a text", { type: "string" }, "/a", ""],
    [
      "a field nobody named",
      { type: "object", properties: {} },
      "/a",
      "null boolean number string array object",
    ],
    [
      "a field that is not allowed",
      { properties: { a: {} }, additionalProperties: false, type: "object" },
      "/b",
      "",
    ],
    [
      "other fields",
      { type: "object", additionalProperties: { type: "boolean" } },
      "/b",
      "boolean",
    ],
    [
      "fields by pattern",
      { type: "object", patternProperties: { x: { type: "null" } }, additionalProperties: false },
      "/b",
      "null boolean number string array object",
    ],
    ["an item", { type: "array", items: { type: "string" } }, "/7", "string"],
    ["no index", { type: "array", items: { type: "string" } }, "/length", ""],
    ["an item too many", { type: "array", maxItems: 2 }, "/2", ""],
    [
      "a tuple's item",
      { type: "array", prefixItems: [{ type: "null" }], items: false },
      "/0",
      "null",
    ],
    ["behind a tuple", { type: "array", prefixItems: [{ type: "null" }], items: false }, "/1", ""],
    [
      "an old tuple's item",
      { type: "array", items: [{ type: "null" }], additionalItems: { type: "number" } },
      "/1",
      "number",
    ],
    [
      "either of two",
      { anyOf: [{ type: "string" }, { type: ["null", "number"] }] },
      "",
      "null number string",
    ],
    [
      "both of two",
      { type: ["null", "string"], allOf: [{ type: ["string", "number"] }] },
      "",
      "string",
    ],
    ["values listed", { enum: ["a", { b: 1 }, null] }, "", "null string object"],
    ["inside a listed value", { enum: ["a", { b: 1 }] }, "/b", "number"],
    ["inside no listed value", { enum: ["a", { b: 1 }] }, "/c", ""],
    [
      "through a reference",
      {
        $ref: "#/$defs/x",
        $defs: {
          x: { type: "object", properties: { y: { $ref: "#/$defs/z" } } },
          z: { type: "array" },
        },
      },
      "/y",
      "array",
    ],
    [
      "through a reference to itself",
      { type: "object", properties: { next: { $ref: "#" } }, additionalProperties: false },
      "/next/next/next",
      "object",
    ],
    ["beside itself for ever", { allOf: [{ $ref: "#" }], type: "string" }, "", "string"],
  ])("says what can be at %s", (_, schema, pointer, types) => {
    expect(at(schema, pointer)).toBe(types);
  });

  it("gives up on what is too large to walk, and rules nothing out", () => {
    let schema: Json = { type: "string" };
    for (let level = 0; level < 12; level += 1) schema = { anyOf: [schema, schema] };
    expect(typesAt({ anyOf: [schema] }, [])).toHaveLength(6);
  });
});
