/** Arguments with unknown values: refused is only what no value could mend. */

import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Json, JsonObject } from "../../src/platform/canonical-json.ts";
import { check } from "../../src/tools/arguments.ts";
import { smallJson, smallSchema } from "../support/small-schemas.ts";

const SEED = 20_261_122;
const HOLE = { $ref: "x#/y" };

/** Every place of a value but its root. */
function placesOf(value: Json, at = ""): readonly string[] {
  if (value === null || typeof value !== "object") return at === "" ? [] : [at];
  const inside = Object.entries(value).flatMap(([name, member]) =>
    placesOf(member, `${at}/${name}`),
  );
  return at === "" ? inside : [at, ...inside];
}

/** The value with a placeholder at one of its places. */
function withHole(value: Json, at: string): Json {
  const [, name, ...rest] = at.split("/");
  if (name === undefined) return HOLE;
  const deeper = rest.length === 0 ? "" : `/${rest.join("/")}`;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === name ? withHole(item, deeper) : item));
  return Object.fromEntries(
    Object.entries(Object(value)).map(([key, member]) => {
      const inner: Json = JSON.parse(JSON.stringify(member));
      return [key, key === name ? withHole(inner, deeper) : inner];
    }),
  );
}

/** Pointers of what is wrong with `value` whatever stands at `holes`. */
function wrong(schema: JsonObject, value: Json, ...holes: string[]): readonly string[] {
  return check(schema, value, "", holes).map(({ pointer }) => pointer);
}

describe("arguments with a hole", () => {
  it("are never refused when some value would make them right", () => {
    let fits = 0;
    fc.assert(
      fc.property(smallSchema, smallJson, fc.nat(), (schema, value, pick) => {
        fc.pre(check(schema, value, "").length === 0);
        const places = placesOf(value);
        const hole = places[pick % Math.max(1, places.length)];
        if (hole === undefined) return;
        fits += 1;
        expect(wrong(schema, withHole(value, hole), hole)).toEqual([]);
      }),
      { seed: SEED, numRuns: 4000 },
    );
    expect(fits).toBeGreaterThan(800);
  });

  const schema: JsonObject = {
    type: "object",
    properties: {
      n: { type: "integer", minimum: 3 },
      kind: { enum: ["a", "b"] },
      list: { type: "array", items: { type: "string" }, maxItems: 2, uniqueItems: true },
      either: {
        anyOf: [
          { type: "object", properties: { x: { const: 1 } }, required: ["x"] },
          { type: "null" },
        ],
      },
    },
    required: ["n"],
    additionalProperties: false,
  };

  it("may have it wherever a value may stand", () => {
    for (const name of ["n", "kind", "list", "either"])
      expect(wrong(schema, { n: 3, [name]: HOLE }, `/${name}`)).toEqual([]);
    const inside = { n: 3, list: [HOLE, "x"], either: { x: HOLE } };
    expect(wrong(schema, inside, "/list/0", "/either/x")).toEqual([]);
  });

  it("may not have it where nothing may stand", () => {
    expect(wrong(schema, { n: 3, other: HOLE }, "/other")).toEqual(["/other"]);
  });

  it("are still refused for everything else that is wrong", () => {
    expect(wrong(schema, { kind: HOLE }, "/kind")).toEqual(["/n"]);
    expect(wrong(schema, { n: 1, kind: HOLE }, "/kind")).toEqual(["/n"]);
    expect(wrong(schema, { n: 3, list: [HOLE, 1] }, "/list/0")).toEqual(["/list/1"]);
    expect(wrong(schema, { n: 3, list: [HOLE, "a", "b"] }, "/list/0")).toEqual(["/list"]);
    expect(wrong(schema, { n: HOLE, either: { y: 1 } }, "/n")).toEqual(["/either"]);
  });

  it("are not refused for a choice that the value may decide", () => {
    const choice: JsonObject = JSON.parse(
      '{"type":"object","if":{"properties":{"kind":{"const":"a"}}},"then":{"required":["x"]},"else":{"required":["y"]}}',
    );
    expect(wrong(choice, { kind: HOLE }, "/kind")).toEqual([]);
    expect(wrong(choice, { kind: "a", z: HOLE }, "/z")).toEqual([]);
  });
});
