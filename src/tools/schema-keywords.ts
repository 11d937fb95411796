/**
 * The JSON Schema vocabulary the gateway understands (2020-12 together with the older array form of
 * `items`), and what each keyword's value must look like. Anything else in a schema is an annotation: kept for
 * the model, ignored by the validator.
 */

import { type Json, isJsonArray, isJsonObject } from "../platform/canonical-json.ts";

/** Types of JSON Schema. */
export const SCHEMA_TYPES: readonly string[] = [
  "array",
  "boolean",
  "integer",
  "null",
  "number",
  "object",
  "string",
];

/** Where a keyword holds schemas: itself, in a list, in a map of names, or either of the first two. */
export type SchemaPlace = "one" | "list" | "map" | "one_or_list";

/** Keywords whose values are schemas. */
export const SCHEMA_PLACES: ReadonlyMap<string, SchemaPlace> = new Map<string, SchemaPlace>([
  ["additionalItems", "one"],
  ["unevaluatedItems", "one"],
  ["contains", "one"],
  ["additionalProperties", "one"],
  ["unevaluatedProperties", "one"],
  ["propertyNames", "one"],
  ["not", "one"],
  ["if", "one"],
  ["then", "one"],
  ["else", "one"],
  ["items", "one_or_list"],
  ["prefixItems", "list"],
  ["allOf", "list"],
  ["anyOf", "list"],
  ["oneOf", "list"],
  ["$defs", "map"],
  ["definitions", "map"],
  ["properties", "map"],
  ["patternProperties", "map"],
  ["dependentSchemas", "map"],
]);

/** Keywords whose schemas judge the same value as the schema they stand in, not a part of it. */
export const IN_PLACE: ReadonlySet<string> = new Set([
  "not",
  "if",
  "then",
  "else",
  "allOf",
  "anyOf",
  "oneOf",
  "dependentSchemas",
]);

const ONLY_POINTERS = "Only references of the form #/… are understood.";

/** Keywords that would change what a schema means but are not understood, each with what to do instead. */
export const REFUSED_KEYWORDS: ReadonlyMap<string, string> = new Map([
  ["$dynamicRef", ONLY_POINTERS],
  ["$dynamicAnchor", ONLY_POINTERS],
  ["$recursiveRef", ONLY_POINTERS],
  ["$recursiveAnchor", ONLY_POINTERS],
  ["$anchor", ONLY_POINTERS],
  ["dependencies", "Use dependentRequired or dependentSchemas."],
]);

interface ValueRule {
  readonly fits: (value: Json) => boolean;
  readonly message: string;
}

const COUNT: ValueRule = {
  fits: (value) => typeof value === "number" && Number.isInteger(value) && value >= 0,
  message: "Must be a whole number of 0 or more.",
};
const NUMBER: ValueRule = {
  fits: (value) => typeof value === "number",
  message: "Must be a number.",
};
const TEXT: ValueRule = {
  fits: (value) => typeof value === "string",
  message: "Must be a string.",
};
const NAMES: ValueRule = { fits: isNameList, message: "Must be a list of property names." };

/** Keywords whose values are not schemas. */
export const VALUE_RULES: ReadonlyMap<string, ValueRule> = new Map<string, ValueRule>([
  [
    "type",
    { fits: isType, message: `Must be one of: ${SCHEMA_TYPES.join(", ")}, or a list of them.` },
  ],
  [
    "enum",
    {
      fits: (value) => isJsonArray(value) && value.length > 0,
      message: "Must be a list of at least one value.",
    },
  ],
  ["const", { fits: () => true, message: "" }],
  ["required", NAMES],
  [
    "dependentRequired",
    {
      fits: (value) => isJsonObject(value) && Object.values(value).every(isNameList),
      message: "Must map names to lists of names.",
    },
  ],
  ["format", TEXT],
  ["pattern", TEXT],
  [
    "uniqueItems",
    { fits: (value) => typeof value === "boolean", message: "Must be true or false." },
  ],
  ["minimum", NUMBER],
  ["maximum", NUMBER],
  ["exclusiveMinimum", NUMBER],
  ["exclusiveMaximum", NUMBER],
  [
    "multipleOf",
    {
      fits: (value) => typeof value === "number" && value > 0,
      message: "Must be a number above 0.",
    },
  ],
  ["minLength", COUNT],
  ["maxLength", COUNT],
  ["minItems", COUNT],
  ["maxItems", COUNT],
  ["minContains", COUNT],
  ["maxContains", COUNT],
  ["minProperties", COUNT],
  ["maxProperties", COUNT],
]);

/** Formats that are checked; every other `format` is an annotation. Each takes time linear or quadratic in a short text. */
export const CHECKED_FORMATS: ReadonlySet<string> = new Set([
  "date",
  "time",
  "date-time",
  "duration",
  "uri",
  "uri-reference",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "uuid",
  "json-pointer",
]);

/** True for a list of strings. */
export function isNameList(value: Json): value is readonly string[] {
  return isJsonArray(value) && value.every((name) => typeof name === "string");
}

function isType(value: Json): boolean {
  if (typeof value === "string") return SCHEMA_TYPES.includes(value);
  return (
    isNameList(value) && value.length > 0 && value.every((name) => SCHEMA_TYPES.includes(name))
  );
}
