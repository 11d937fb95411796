/** What a model is shown of references: schemas, shapes and the instruction, the same bytes every time. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  describeResult,
  MAX_SHAPE_LENGTH,
} from "../../../src/orchestration/plan/describe-result.ts";
import {
  instructModel,
  REFERENCE_INSTRUCTION,
} from "../../../src/orchestration/plan/instruct-model.ts";
import { LABEL_FIELD, widenSchema } from "../../../src/orchestration/plan/widen-schema.ts";
import { isJsonObject, type Json, type JsonObject } from "../../../src/platform/canonical-json.ts";
import { check } from "../../../src/tools/arguments.ts";
import { smallJson, smallSchema } from "../../support/small-schemas.ts";

const SEED = 20_261_122;

const FLIGHTS: JsonObject = {
  type: "object",
  properties: {
    from: { type: "string", description: "Airport" },
    passengers: { type: "integer", minimum: 1 },
    stops: { type: "array", items: { type: "string" } },
    fare: { type: "object", properties: { max: { type: "number" } }, required: ["max"] },
    anything: true,
  },
  required: ["from"],
  additionalProperties: false,
};

describe("widenSchema", () => {
  it("takes a reference for any field, a template for any text, at any depth, and a label", () => {
    expect(JSON.stringify(widenSchema(FLIGHTS))).toBe(
      '{"type":"object","properties":{' +
        '"from":{"anyOf":[{"type":"string","description":"Airport"},{"type":"object","properties":{"$ref":{"type":"string"},"$tmpl":{"type":"string"}}}]},' +
        '"passengers":{"anyOf":[{"type":"integer","minimum":1},{"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"]}]},' +
        '"stops":{"anyOf":[{"type":"array","items":{"anyOf":[{"type":"string"},{"type":"object","properties":{"$ref":{"type":"string"},"$tmpl":{"type":"string"}}}]}},{"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"]}]},' +
        '"fare":{"anyOf":[{"type":"object","properties":{"max":{"anyOf":[{"type":"number"},{"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"]}]}},"required":["max"]},{"type":"object","properties":{"$ref":{"type":"string"}},"required":["$ref"]}]},' +
        '"anything":true,"gw_label":{"type":"string"}},"required":["from"],"additionalProperties":false}',
    );
  });

  it("costs 96 bytes a text field, 90 another one, and 29 a tool", () => {
    const bytes = (schema: JsonObject) => JSON.stringify(schema).length;
    const fields = (count: number, type: string): JsonObject => ({
      type: "object",
      properties: Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}`, { type }])),
    });
    const cost = (count: number, type = "string") =>
      bytes(widenSchema(fields(count, type))) - bytes(fields(count, type));
    expect([cost(0), cost(20), cost(20, "number")]).toEqual([28, 29 + 20 * 96, 29 + 20 * 90]);
  });

  it("gives the same object for the same schema, so its bytes cannot change", () => {
    expect(widenSchema(FLIGHTS)).toBe(widenSchema(FLIGHTS));
    expect(JSON.stringify(widenSchema({ ...FLIGHTS }))).toBe(JSON.stringify(widenSchema(FLIGHTS)));
  });

  it("still takes everything the tool takes", () => {
    let fits = 0;
    fc.assert(
      fc.property(smallSchema, smallJson, (schema, value) => {
        const root: JsonObject = { type: "object", properties: { a: schema }, required: ["a"] };
        fc.pre(check(root, { a: value }, "").length === 0);
        // A choice of exactly one, or a denial, may come out otherwise when its parts take more.
        fc.pre(!/"(?:oneOf|not|if|contains|unevaluatedProperties)":/.test(JSON.stringify(schema)));
        fits += 1;
        expect(check(widenSchema(root), { a: value }, "")).toEqual([]);
      }),
      { seed: SEED, numRuns: 2000 },
    );
    expect(fits).toBeGreaterThan(300);
  });

  it("names no top-level property a provider refuses, and keeps a tool's own field of the label's name", () => {
    expect(LABEL_FIELD).toMatch(/^[a-zA-Z0-9_.-]{1,64}$/);
    const own: JsonObject = { type: "object", properties: { [LABEL_FIELD]: { type: "integer" } } };
    const shown = widenSchema(own)["properties"];
    expect(isJsonObject(shown) && Object.keys(shown)).toEqual([LABEL_FIELD]);
    expect(JSON.stringify(shown)).toContain("integer");
  });

  it("leaves local references leading where they led", () => {
    const shared: JsonObject = {
      type: "object",
      properties: { a: { $ref: "#/$defs/point" }, b: { $ref: "#/properties/a" } },
      $defs: { point: { type: "object", properties: { x: { type: "number" } }, required: ["x"] } },
    };
    const wide = widenSchema(shared);
    const point: Json = { x: 1 };
    expect(check(wide, { a: point, b: { $ref: "l#/p" } }, "")).toEqual([]);
    expect(check(wide, { a: { x: { $ref: "l#" } }, b: point }, "")).toEqual([]);
    expect(check(wide, { a: { x: "no" } }, "")).toHaveLength(1);
  });

  it("adds only the label where a reference leads into the middle of a field", () => {
    const deep: JsonObject = {
      type: "object",
      properties: {
        a: { properties: { b: { type: "string" } } },
        c: { $ref: "#/properties/a/properties/b" },
      },
    };
    expect(widenSchema(deep)).toEqual({
      ...deep,
      properties: { ...Object(deep["properties"]), [LABEL_FIELD]: { type: "string" } },
    });
  });
});

describe("describeResult", () => {
  it.each<[JsonObject, string]>([
    [
      {
        type: "object",
        properties: {
          city: { type: "string" },
          days: {
            type: "array",
            items: { type: "object", properties: { high: { type: "number" } } },
          },
        },
      },
      "{city: string, days: [{high: number}]}",
    ],
    [{ type: ["string", "null"] }, "string | null"],
    [{ anyOf: [{ type: "string" }, { type: "integer" }] }, "string | integer"],
    [{ $ref: "#/$defs/x", $defs: { x: { properties: { y: {} } } } }, "{y: any}"],
    [{}, ""],
    [{ properties: { next: { $ref: "#" } } }, "{next: any}"],
  ])("writes %j as %s", (schema, shape) => {
    expect(describeResult(schema)).toBe(shape);
  });

  it("tells the beginning of a shape that is too long", () => {
    const properties = Object.fromEntries(
      Array.from({ length: 99 }, (_, n) => [`field_${n}`, { type: "string" }]),
    );
    expect(describeResult({ properties })).toHaveLength(MAX_SHAPE_LENGTH + 1);
  });
});

describe("the instruction", () => {
  const user = { role: "user", content: "Hi" };

  it("is these very bytes", () => {
    expect(REFERENCE_INSTRUCTION).toBe(
      'Tool calls may use each other\'s results without waiting for them. Give a call whose result another call uses, and no other, the argument "gw_label", for example "a". In place of any argument of another call, in the same reply or a later one, write {"$ref": "a#/path/to/field"} for that part of its result, "a#" for all of it, or in place of a string {"$tmpl": "text ${a#/path/to/field} text"}. When a later call only needs values copied from earlier results, make all these calls together in one reply. When you must read a result before you can decide, call again after it.',
    );
  });

  it("ends the system message a conversation begins with, or is one", () => {
    expect(instructModel([user])).toEqual([
      { role: "system", content: REFERENCE_INSTRUCTION },
      user,
    ]);
    for (const role of ["system", "developer"]) {
      expect(instructModel([{ role, content: "Be brief." }, user])).toEqual([
        { role, content: `Be brief.\n\n${REFERENCE_INSTRUCTION}` },
        user,
      ]);
    }
    const part = { type: "text", text: "Be brief." };
    expect(instructModel([{ role: "system", content: [part], name: "x" }, user])).toEqual([
      { role: "system", content: [part, { type: "text", text: REFERENCE_INSTRUCTION }], name: "x" },
      user,
    ]);
  });

  it("keeps every earlier byte of a conversation that goes on", () => {
    const first = [{ role: "system", content: "Be brief." }, user];
    const more = [...first, { role: "assistant", content: "Hello." }, user];
    const text = (messages: readonly JsonObject[]) => JSON.stringify(instructModel(messages));
    expect(text(more).startsWith(text(first).slice(0, -1))).toBe(true);
  });
});
