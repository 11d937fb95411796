/** What counts as valid, how a misfit is described, and that no schema or value can keep the isolate busy. */

import { describe, expect, inject, it } from "vitest";

import { SCHEMA_CASES } from "../../scripts/json-schema-cases.ts";
import { type Json, type JsonObject, isJsonObject } from "../../src/platform/canonical-json.ts";
import { check, checkArguments, checkOutput } from "../../src/tools/arguments.ts";
import { fitsDepth } from "../../src/tools/bounded-json.ts";
import { checkSchema } from "../../src/tools/check-schema.ts";
import { MAX_UNIQUE_ITEMS } from "../../src/tools/compile-schema.ts";
import { MAX_LONG_TEXT, MAX_SHORT_TEXT } from "../../src/tools/pattern-safety.ts";
import { toolDefinition } from "../support/tools.ts";

function judge(schema: object, value: unknown): readonly { pointer: string; message: string }[] {
  if (!isJsonObject(schema) || !fitsDepth(value, 64)) throw new Error("not JSON");
  return check(schema, value, "/arguments");
}

describe("check", () => {
  it("agrees with the specification on every tricky schema", () => {
    for (const { name, schema, value, valid } of SCHEMA_CASES) {
      expect({ name, value, valid: judge(schema, value).length === 0 }).toEqual({
        name,
        value,
        valid,
      });
    }
  });

  it("names every wrong place with its pointer and what was expected, never the refused value", () => {
    const schema = {
      type: "object",
      properties: {
        city: { type: "string", minLength: 2 },
        days: { type: "integer", minimum: 1, maximum: 14 },
        unit: { enum: ["c", "f"] },
        slug: { type: "string", pattern: "^[a-z]+$" },
        mail: { type: "string", format: "email" },
        "a/b": { type: ["string", "null"] },
        list: { type: "array", items: { type: "number" }, maxItems: 2 },
        either: { anyOf: [{ type: "string" }, { type: "null" }] },
        fixed: { const: 7 },
        step: { multipleOf: 5 },
        share: { exclusiveMinimum: 0, exclusiveMaximum: 1 },
      },
      required: ["city", "country"],
      additionalProperties: false,
    };
    const value = {
      city: "S",
      days: 99,
      unit: "SECRET",
      slug: "SECRET",
      mail: "SECRET",
      "a/b": 3,
      list: [1, "SECRET", 3],
      either: 3,
      fixed: 8,
      step: 7,
      share: 1,
      extra: "SECRET",
    };
    const violations = judge(schema, value);
    expect(
      Object.fromEntries(violations.map(({ pointer, message }) => [pointer, message])),
    ).toEqual({
      "/arguments/city": "Must have at least 2 characters.",
      "/arguments/country": "This field is required.",
      "/arguments/days": "Must be at most 14.",
      "/arguments/unit": 'Must be one of: "c","f".',
      "/arguments/slug": "Does not match the required pattern.",
      "/arguments/mail": "Must be in the format email.",
      "/arguments/a~1b": "Must be of type string, null.",
      "/arguments/list": "Must have at most 2 items.",
      "/arguments/list/1": "Must be of type number.",
      "/arguments/either": "Matches none of the allowed forms.",
      "/arguments/fixed": "Must be 7.",
      "/arguments/step": "Must be a multiple of 5.",
      "/arguments/share": "Must be less than 1.",
      "/arguments/extra": "This field is not allowed.",
    });
    expect(JSON.stringify(violations)).not.toContain("SECRET");
  });

  it.each([
    [{ exclusiveMinimum: 1 }, 1, "Must be more than 1."],
    [{ maxLength: 1 }, "ab", "Must have at most 1 characters."],
    [{ minItems: 1 }, [], "Must have at least 1 items."],
    [
      { oneOf: [{ type: "number" }, { minimum: 0 }] },
      1,
      "Must match exactly one of the allowed forms.",
    ],
    [{ not: {} }, 1, "Has a form that is not allowed."],
    [{ uniqueItems: true }, [1, 1], "Items must differ from each other."],
    [{ contains: { const: 1 } }, [], "Lacks a required item."],
    [{ minProperties: 1 }, {}, "Has too few properties."],
    [{ maxProperties: 0 }, { a: 1 }, "Has too many properties."],
    [{ dependentRequired: { a: ["b"] } }, { a: 1 }, "Lacks a property that another one requires."],
    [{ contains: { const: 1 }, minContains: 2 }, [1, 1, 2].slice(1), "Lacks a required item."],
    [{ enum: ["x".repeat(400)] }, 1, `Must be one of: "${"x".repeat(299)}….`],
  ])("says for %j what %j lacks", (schema, value, message) => {
    expect(judge(schema, value)[0]?.message).toBe(message);
  });

  it("points at names that need escaping", () => {
    const schema = { properties: { "ä#~/ %": { type: "string" } }, required: ["x~y"] };
    expect(judge(schema, { "ä#~/ %": 1 }).map((violation) => violation.pointer)).toEqual([
      "/arguments/x~0y",
      "/arguments/ä#~0~1 %",
    ]);
  });

  it("compiles a schema once and leaves it as it was", () => {
    const schema = Object.freeze({
      type: "object",
      $id: "https://example.com/s",
      $defs: { a: {} },
      properties: { a: { $ref: "#/$defs/a" } },
    });
    const before = JSON.stringify(schema);
    expect([judge(schema, {}), judge(schema, [])]).toMatchObject([[], [{ pointer: "/arguments" }]]);
    expect(JSON.stringify(schema)).toBe(before);
  });

  it("accepts nothing by a schema that could not have been registered", () => {
    expect(judge({ type: "dict" }, {})).toMatchObject([
      { pointer: "/arguments", message: expect.stringContaining("cannot be used (/type") },
    ]);
  });

  it("checks the data set's functions once their types are JSON Schema's, and refuses them before", ({
    skip,
  }) => {
    const tasks = inject("shared").functionTasks;
    if (tasks === null) return skip("no ../shared/data/bfcl");
    for (const task of tasks.slice(0, 100)) {
      const { function: functions }: { function: { parameters: JsonObject }[] } = JSON.parse(task);
      for (const { parameters } of functions) {
        expect(checkSchema(parameters, "/input")[0]).toMatchObject({ pointer: "/input/type" });
        const text = JSON.stringify(parameters)
          .replaceAll('"type":"dict"', '"type":"object"')
          .replaceAll('"type":"float"', '"type":"number"')
          .replaceAll('"type":"tuple"', '"type":"array"')
          .replaceAll('"type":"any"', '"title":"any"');
        const schema: unknown = JSON.parse(text);
        expect(isJsonObject(schema) && checkSchema(schema, "")).toEqual([]);
      }
    }
  });
});

describe("limits of a check", () => {
  it("matches a text at the pattern's limit and refuses one past it, also under not", () => {
    const linear = { type: "string", pattern: "^[a-z]+$" };
    const other = { not: { pattern: "b$" } };
    expect(judge(linear, "a".repeat(MAX_LONG_TEXT))).toEqual([]);
    expect(judge(linear, "a".repeat(MAX_LONG_TEXT + 1))[0]?.message).toContain("65536 characters");
    expect(judge({ not: { pattern: "[b]+$" } }, "a".repeat(MAX_SHORT_TEXT))).toEqual([]);
    expect(judge({ not: { pattern: "[b]+$" } }, "a".repeat(MAX_SHORT_TEXT + 1))).toHaveLength(1);
    expect(judge(other, "ab")).toHaveLength(1);
  });

  it("refuses a long property name where names are matched", () => {
    const schema = { patternProperties: { "^a": { type: "number" } } };
    expect(judge(schema, { ["a".repeat(MAX_SHORT_TEXT)]: 1 })).toEqual([]);
    expect(judge(schema, { ["b".repeat(MAX_SHORT_TEXT + 1)]: 1 })).toHaveLength(1);
  });

  it("compares no more items than it can", () => {
    const list = (length: number): Json => Array.from({ length }, (_, index) => index);
    expect(judge({ uniqueItems: true }, list(MAX_UNIQUE_ITEMS))).toEqual([]);
    expect(judge({ uniqueItems: true }, list(MAX_UNIQUE_ITEMS + 1))).toHaveLength(1);
    expect(judge({ uniqueItems: false }, [1, 1])).toEqual([]);
  });

  it("ends when the alternatives of a recursive schema multiply", () => {
    const schema = {
      type: "object",
      properties: { next: { anyOf: [{ $ref: "#" }, { $ref: "#" }] }, value: { type: "number" } },
      required: ["value"],
    };
    let value: Json = {};
    for (let level = 0; level < 40; level += 1) value = { next: value, value: 1 };
    expect(judge(schema, value)).toHaveLength(1);
  });

  it("names the first wrong item when there are too many to name", () => {
    const items: Json = Array.from({ length: 60_000 }, () => 1);
    expect(judge({ items: { type: "string" } }, items)).toEqual([
      { pointer: "/arguments/0", message: "Must be of type string." },
    ]);
  });

  it("refuses what the validator itself throws on", () => {
    expect(judge({ additionalProperties: { type: "string" } }, { "\ud800": "x" })).toEqual([
      { pointer: "/arguments", message: "The value cannot be checked." },
    ]);
  });
});

describe("checkArguments and checkOutput", () => {
  const definition = toolDefinition({
    input: { type: "object", required: ["a"] },
    output: { type: "object", required: ["b"] },
  });

  it("use the tool's own two schemas", () => {
    expect(checkArguments(definition, {}, "/x")).toMatchObject([{ pointer: "/x/a" }]);
    expect(checkOutput(definition, { a: 1 })).toMatchObject([{ pointer: "/b" }]);
    expect(checkOutput(toolDefinition({}), "anything")).toEqual([]);
  });
});
