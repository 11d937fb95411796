/** The first part of the table in `json-schema-cases.ts`: required fields, types, enums and lists. */

import { cases, objectOf, type SchemaCase } from "./json-schema-case.ts";

/** Cases of plain values and lists. */
export const SCALAR_CASES: readonly SchemaCase[] = [
  ...cases(
    "required",
    objectOf({ a: {} }, { required: ["a"] }),
    [{ a: null }, { a: 0 }],
    [{}, { b: 1 }],
  ),
  ...cases("required without properties", { type: "object", required: ["a"] }, [{ a: 1 }], [{}]),
  ...cases(
    "required prototype name",
    { type: "object", required: ["toString"] },
    [{ toString: 1 }],
    [{}],
  ),
  ...cases(
    "enum of strings",
    objectOf({ a: { enum: ["x", "y"] } }),
    [{ a: "x" }, {}],
    [{ a: "z" }, { a: null }],
  ),
  ...cases(
    "enum with type",
    objectOf({ a: { type: "string", enum: ["x"] } }),
    [{ a: "x" }],
    [{ a: "y" }],
  ),
  ...cases(
    "enum of objects",
    objectOf({ a: { enum: [{ b: 1 }] } }),
    [{ a: { b: 1 } }],
    [{ a: { b: 2 } }],
  ),
  ...cases(
    "const object",
    objectOf({ a: { const: { b: [1] } } }),
    [{ a: { b: [1] } }],
    [{ a: { b: [2] } }],
  ),
  ...cases("const null", objectOf({ a: { const: null } }), [{ a: null }], [{ a: 0 }, { a: "" }]),
  ...cases(
    "integer",
    objectOf({ a: { type: "integer" } }),
    [{ a: 1 }, { a: -0 }, { a: 1e3 }, { a: 2 }],
    [{ a: 1.5 }, { a: "1" }],
  ),
  ...cases(
    "number",
    objectOf({ a: { type: "number" } }),
    [{ a: 1 }, { a: 1.5 }],
    [{ a: "1" }, { a: true }, { a: null }],
  ),
  ...cases(
    "boolean",
    objectOf({ a: { type: "boolean" } }),
    [{ a: false }],
    [{ a: 0 }, { a: "true" }],
  ),
  ...cases("null", objectOf({ a: { type: "null" } }), [{ a: null }], [{ a: 0 }, { a: {} }]),
  ...cases(
    "type list",
    objectOf({ a: { type: ["string", "null"] } }),
    [{ a: null }, { a: "x" }],
    [{ a: 1 }, { a: [] }],
  ),
  ...cases(
    "array is no object",
    objectOf({ a: { type: "object" } }),
    [{ a: {} }],
    [{ a: [] }, { a: null }],
  ),
  ...cases(
    "object is no array",
    objectOf({ a: { type: "array" } }),
    [{ a: [] }],
    [{ a: {} }, { a: "x" }],
  ),
  ...cases(
    "items of strings",
    objectOf({ a: { type: "array", items: { type: "string" } } }),
    [{ a: [] }, { a: ["x"] }],
    [{ a: [1] }, { a: ["x", 1] }],
  ),
  ...cases(
    "items of objects",
    objectOf({
      a: { type: "array", items: objectOf({ b: { type: "number" } }, { required: ["b"] }) },
    }),
    [{ a: [{ b: 1 }] }],
    [{ a: [{}] }, { a: [{ b: "1" }] }],
  ),
  ...cases(
    "minItems and maxItems",
    objectOf({ a: { type: "array", minItems: 1, maxItems: 2 } }),
    [{ a: [1] }, { a: [1, 2] }],
    [{ a: [] }, { a: [1, 2, 3] }],
  ),
  ...cases(
    "uniqueItems",
    objectOf({ a: { type: "array", uniqueItems: true } }),
    [{ a: [1, "1", [1]] }],
    [{ a: [1, 1] }, { a: [{ b: 1 }, { b: 1 }] }],
  ),
  ...cases(
    "prefixItems",
    objectOf({
      a: { type: "array", prefixItems: [{ type: "string" }, { type: "number" }], items: false },
    }),
    [{ a: ["x", 1] }, { a: ["x"] }],
    [{ a: [1, "x"] }, { a: ["x", 1, 2] }],
  ),
  ...cases(
    "contains",
    objectOf({ a: { type: "array", contains: { const: 1 } } }),
    [{ a: [0, 1] }],
    [{ a: [0] }, { a: [] }],
  ),
];
