/**
 * Tricky JSON Schemas with values and the right verdict, by the specification (draft 2020-12). The comparison of
 * validators and the tests of `src/tools` use the same table.
 */

import { cases, objectOf, type SchemaCase } from "./json-schema-case.ts";
import { SCALAR_CASES } from "./json-schema-scalar-cases.ts";

/** `{"__proto__": 1}` as JSON.parse makes it: an own property, not a prototype. */
const OWN_PROTO: unknown = JSON.parse('{"__proto__": 1}');

const TREE = objectOf(
  { value: { type: "number" }, children: { type: "array", items: { $ref: "#" } } },
  { required: ["value"] },
);

const ADDRESS = objectOf(
  { home: { $ref: "#/$defs/address" } },
  {
    $defs: {
      address: objectOf({ zip: { type: "string", pattern: "^[0-9]{5}$" } }, { required: ["zip"] }),
    },
  },
);

/** As text, because an object with a member `then` looks like a promise to the linter. */
const CONDITIONAL: object = JSON.parse(
  `{ "type": "object", "if": { "properties": { "a": { "const": 1 } }, "required": ["a"] },
     "then": { "required": ["b"] }, "else": { "maxProperties": 1 } }`,
);

const SHAPE = {
  oneOf: [
    objectOf(
      { kind: { const: "circle" }, radius: { type: "number" } },
      { required: ["kind", "radius"] },
    ),
    objectOf(
      { kind: { const: "square" }, side: { type: "number" } },
      { required: ["kind", "side"] },
    ),
  ],
};

/** Every case. */
export const SCHEMA_CASES: readonly SchemaCase[] = [
  ...SCALAR_CASES,
  ...cases(
    "nested objects",
    objectOf({
      a: objectOf(
        { b: objectOf({ c: { type: "string" } }, { required: ["c"] }) },
        { required: ["b"] },
      ),
    }),
    [{ a: { b: { c: "x" } } }],
    [{ a: { b: {} } }, { a: {} }, { a: { b: { c: 1 } } }],
  ),
  ...cases(
    "anyOf of a property",
    objectOf({ a: { anyOf: [{ type: "string" }, { type: "null" }] } }),
    [{ a: "x" }, { a: null }, {}],
    [{ a: 1 }, { a: {} }],
  ),
  ...cases(
    "anyOf beside other keywords",
    objectOf({ a: { anyOf: [{ type: "string" }, { type: "number" }], maxLength: 2 } }),
    [{ a: "xy" }, { a: 5 }],
    [{ a: "xyz" }, { a: true }],
  ),
  ...cases(
    "oneOf of objects",
    objectOf({ shape: SHAPE }),
    [{ shape: { kind: "circle", radius: 1 } }],
    [{ shape: { kind: "circle", side: 1 } }, { shape: { kind: "oval" } }],
  ),
  ...cases(
    "oneOf at the root",
    { type: "object", ...SHAPE },
    [{ kind: "square", side: 1 }],
    [{ kind: "square" }],
  ),
  ...cases(
    "oneOf with two matches",
    objectOf({ a: { oneOf: [{ type: "number" }, { type: "integer" }] } }),
    [{ a: 1.5 }],
    [{ a: 1 }],
  ),
  ...cases(
    "allOf",
    {
      type: "object",
      allOf: [
        objectOf({ a: { type: "number" } }),
        objectOf({ b: { type: "string" } }, { required: ["b"] }),
      ],
    },
    [{ a: 1, b: "x" }],
    [{ a: "1", b: "x" }, { a: 1 }],
  ),
  ...cases("not", objectOf({ a: { not: { type: "string" } } }), [{ a: 1 }], [{ a: "x" }]),
  ...cases("if then else", CONDITIONAL, [{ a: 1, b: 1 }, { a: 2 }], [{ a: 1 }, { a: 2, b: 1 }]),
  ...cases(
    "$ref into $defs",
    ADDRESS,
    [{ home: { zip: "12345" } }, {}],
    [{ home: { zip: "1234" } }, { home: {} }],
  ),
  ...cases(
    "$ref into definitions",
    objectOf({ a: { $ref: "#/definitions/x" } }, { definitions: { x: { type: "string" } } }),
    [{ a: "x" }],
    [{ a: 1 }],
  ),
  ...cases(
    "$ref with escapes",
    objectOf({ a: { $ref: "#/$defs/x~1y%20z" } }, { $defs: { "x/y z": { type: "string" } } }),
    [{ a: "x" }],
    [{ a: 1 }],
  ),
  ...cases(
    "recursive $ref",
    TREE,
    [{ value: 1, children: [{ value: 2 }] }],
    [{ value: 1, children: [{ children: [] }] }],
  ),
  ...cases(
    "additionalProperties false",
    objectOf({ a: {} }, { additionalProperties: false }),
    [{ a: 1 }, {}],
    [{ b: 1 }, OWN_PROTO],
  ),
  ...cases(
    "additionalProperties schema",
    objectOf({ a: {} }, { additionalProperties: { type: "number" } }),
    [{ a: "x", b: 1 }],
    [{ b: "x" }],
  ),
  ...cases(
    "patternProperties",
    {
      type: "object",
      patternProperties: { "^n_": { type: "number" } },
      additionalProperties: false,
    },
    [{ n_a: 1 }],
    [{ n_a: "x" }, { a: 1 }],
  ),
  ...cases(
    "propertyNames",
    { type: "object", propertyNames: { maxLength: 2 } },
    [{ ab: 1 }],
    [{ abc: 1 }],
  ),
  ...cases("minProperties", { type: "object", minProperties: 1 }, [{ a: 1 }], [{}]),
  ...cases(
    "dependentRequired",
    { type: "object", dependentRequired: { a: ["b"] } },
    [{ a: 1, b: 1 }, {}],
    [{ a: 1 }],
  ),
  ...cases(
    "pattern",
    objectOf({ a: { type: "string", pattern: "^[a-z]+$" } }),
    [{ a: "abc" }],
    [{ a: "Abc" }, { a: "" }],
  ),
  ...cases(
    "pattern anywhere in the text",
    objectOf({ a: { type: "string", pattern: "b" } }),
    [{ a: "abc" }],
    [{ a: "ac" }],
  ),
  ...cases(
    "length in characters",
    objectOf({ a: { type: "string", maxLength: 1 } }),
    [{ a: "é" }, { a: "😀" }],
    [{ a: "ab" }],
  ),
  ...cases(
    "minLength",
    objectOf({ a: { type: "string", minLength: 1 } }),
    [{ a: "x" }],
    [{ a: "" }],
  ),
  ...cases(
    "minimum and maximum",
    objectOf({ a: { type: "number", minimum: 0, maximum: 10 } }),
    [{ a: 0 }, { a: 10 }],
    [{ a: -1 }, { a: 11 }],
  ),
  ...cases(
    "exclusive bounds",
    objectOf({ a: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 } }),
    [{ a: 0.5 }],
    [{ a: 0 }, { a: 1 }],
  ),
  ...cases(
    "multipleOf",
    objectOf({ a: { type: "number", multipleOf: 0.1 } }),
    [{ a: 0.3 }, { a: 1 }],
    [{ a: 0.35 }],
  ),
  ...cases(
    "format date",
    objectOf({ a: { type: "string", format: "date" } }),
    [{ a: "2026-02-28" }],
    [{ a: "2026-02-30" }, { a: "tomorrow" }],
  ),
  ...cases(
    "format date-time",
    objectOf({ a: { type: "string", format: "date-time" } }),
    [{ a: "2026-02-28T10:00:00Z" }],
    [{ a: "2026-02-28" }],
  ),
  ...cases(
    "format email",
    objectOf({ a: { type: "string", format: "email" } }),
    [{ a: "a@b.example" }],
    [{ a: "a.example" }],
  ),
  ...cases(
    "format uuid",
    objectOf({ a: { type: "string", format: "uuid" } }),
    [{ a: "9b2c5fd0-6f6e-4d7d-9f0e-0a1b2c3d4e5f" }],
    [{ a: "9b2c" }],
  ),
  ...cases(
    "unknown format",
    objectOf({ a: { type: "string", format: "phone" } }),
    [{ a: "anything" }],
    [{ a: 1 }],
  ),
  ...cases("property __proto__", { type: "object", required: ["__proto__"] }, [OWN_PROTO], [{}]),
  ...cases(
    "property constructor",
    objectOf({ constructor: { type: "string" } }),
    [{}, { constructor: "x" }],
    [{ constructor: 1 }],
  ),
  ...cases("boolean schemas", objectOf({ a: true, b: false }), [{ a: 1 }, {}], [{ b: 1 }]),
  ...cases("no type", { properties: { a: { type: "string" } } }, [{ a: "x" }, 5, "x"], [{ a: 1 }]),
  ...cases(
    "optional object",
    objectOf({ a: objectOf({ b: {} }, { required: ["b"] }) }),
    [{}, { a: { b: 1 } }],
    [{ a: {} }],
  ),
];
