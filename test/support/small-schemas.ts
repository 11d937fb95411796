/** Small schemas and values that often fit each other, for properties that compare a judge of schemas with the validator. */

import * as fc from "fast-check";

import type { Json, JsonObject } from "../../src/platform/canonical-json.ts";

const NAMES = ["a", "b", "c"] as const;
const name = fc.constantFrom(...NAMES);

/** Values of up to three levels whose fields are called a, b or c. */
export const smallJson: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<Json>(null, true, 0, 1, 2.5, "", "x"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(name, tie("value"), { maxKeys: 3 }),
  ),
})).value;

const type = fc.constantFrom("null", "boolean", "integer", "number", "string", "array", "object");

/** Schemas of objects, mostly, with every keyword the gateway understands that looks at parts of a value. */
export const smallSchema: fc.Arbitrary<JsonObject> = fc.letrec<{ schema: JsonObject }>((tie) => {
  const part = fc.oneof(
    { weight: 6, arbitrary: tie("schema") },
    { weight: 1, arbitrary: fc.boolean() },
  );
  const keyword = fc.oneof(
    fc.record({ type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 4 })) }),
    fc.record({ properties: fc.dictionary(name, part, { maxKeys: 3 }) }),
    fc.record({ additionalProperties: part }),
    fc.record({ required: fc.uniqueArray(name, { maxLength: 2 }) }),
    fc.record({ items: part }),
    fc.record({ prefixItems: fc.array(part, { minLength: 1, maxLength: 2 }) }),
    fc.record({ minItems: fc.nat(2) }),
    fc.record({ maxProperties: fc.nat(3) }),
    fc.record({ minimum: fc.integer({ min: -1, max: 2 }) }),
    fc.record({ enum: fc.array(smallJson, { minLength: 1, maxLength: 3 }) }),
    fc.record({ anyOf: fc.array(part, { minLength: 1, maxLength: 2 }) }),
    fc.record({ oneOf: fc.array(part, { minLength: 1, maxLength: 2 }) }),
    fc.record({ allOf: fc.array(part, { minLength: 1, maxLength: 2 }) }),
    fc.record({ not: part }),
    fc
      .tuple(part, part, part)
      .map((parts) => Object.fromEntries(["if", "then", "else"].map((key, n) => [key, parts[n]]))),
    fc.record({ contains: part }),
    fc.record({ dependentSchemas: fc.dictionary(name, part, { minKeys: 1, maxKeys: 1 }) }),
    fc.record({ dependentRequired: fc.constant({ a: ["b"] }) }),
    fc.record({ patternProperties: fc.record({ "^a": part }) }),
    fc.record({ propertyNames: fc.constant({ enum: ["a", "b"] }) }),
    fc.record({ unevaluatedProperties: part }),
    fc.constant({ uniqueItems: true }),
  );
  const some = fc
    .array(keyword, { minLength: 0, maxLength: 3 })
    .map((keywords): JsonObject => JSON.parse(JSON.stringify(Object.assign({}, ...keywords))));
  return {
    schema: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.record({ type }).map((leaf): JsonObject => leaf),
      some,
    ),
  };
}).schema;

/** Pointers into such values. */
export const smallPointer: fc.Arbitrary<string> = fc
  .array(fc.oneof(name, fc.constantFrom("0", "1")), { maxLength: 3 })
  .map((members) => members.map((member) => `/${member}`).join(""));
