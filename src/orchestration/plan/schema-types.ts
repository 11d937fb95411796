/**
 * Which types of JSON a value may have at a place, going by a JSON Schema.
 *
 * The answer errs on one side only: a type is left out when the schema surely rules it out, and no type is left when
 * the place itself is impossible. Keywords that are not looked at (`not`, `if`, `pattern` …) rule nothing out, a pattern
 * of property names may allow any, and a schema too large to walk allows everything.
 */

import { listIndex, parsePointer, resolvePointer } from "../../algorithms/json-pointer.ts";
import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";

/** A type of JSON; whole numbers are numbers. */
export type JsonType = "null" | "boolean" | "number" | "string" | "array" | "object";

/** Schemas looked at for one answer; beyond it everything is possible. */
export const MAX_SCHEMA_STEPS = 2_000;

const ALL: readonly JsonType[] = ["null", "boolean", "number", "string", "array", "object"];
const EVERYTHING = (1 << ALL.length) - 1;
const NOTHING = 0;

/**
 * The types possible at `members` below a value of `schema`; empty when there can be nothing. `root` is what references
 * in the schema start from.
 */
export function typesAt(
  schema: JsonObject,
  members: readonly string[],
  root: JsonObject = schema,
): readonly JsonType[] {
  const mask = new SchemaWalk(root).types(schema, members);
  return ALL.filter((_, bit) => (mask & (1 << bit)) !== 0);
}

function bitOf(type: JsonType): number {
  return 1 << ALL.indexOf(type);
}

/** Sets of types as bits: a value must satisfy all of a schema, so sets are cut, and one of a choice, so they are joined. */
class SchemaWalk {
  readonly #root: JsonObject;
  #stepsLeft = MAX_SCHEMA_STEPS;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  types(schema: Json, members: readonly string[]): number {
    if (schema === false) return NOTHING;
    this.#stepsLeft -= 1;
    if (!isJsonObject(schema) || this.#stepsLeft < 0) return EVERYTHING;
    let mask = this.#own(schema, members);
    if (mask === NOTHING) return NOTHING;
    for (const part of listOf(schema["allOf"])) mask &= this.types(part, members);
    for (const keyword of ["anyOf", "oneOf"]) {
      const choices = listOf(schema[keyword]);
      if (choices.length === 0 || mask === NOTHING) continue;
      mask &= choices.reduce((any: number, one) => any | this.types(one, members), NOTHING);
    }
    const target = this.#target(schema["$ref"]);
    return target === null ? mask : mask & this.types(target, members);
  }

  #own(schema: JsonObject, members: readonly string[]): number {
    const values = schema["const"] === undefined ? listOf(schema["enum"]) : [schema["const"]];
    const given = values.length === 0 ? EVERYTHING : typesOfValues(values, members);
    const container = declaredTypes(schema["type"]);
    const [member, ...rest] = members;
    if (member === undefined) return given & container;
    let inside = NOTHING;
    if ((container & bitOf("object")) !== 0)
      inside |= this.types(propertySchema(schema, member), rest);
    const index = listIndex(member);
    if ((container & bitOf("array")) !== 0 && index !== null)
      inside |= this.types(itemSchema(schema, index), rest);
    return given & inside;
  }

  /** The schema a local reference leads to; null when it leads to none. */
  #target(reference: Json | undefined): Json | null {
    if (typeof reference !== "string" || !reference.startsWith("#")) return null;
    const members = parsePointer(decode(reference.slice(1)));
    const found = members === null ? null : resolvePointer(this.#root, members);
    return found?.ok === true ? found.value : null;
  }
}

function decode(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  return value !== undefined && value !== null && typeof value === "object" && isJsonArray(value)
    ? value
    : [];
}

function declaredTypes(type: Json | undefined): number {
  if (type === undefined) return EVERYTHING;
  const names = typeof type === "string" ? [type] : listOf(type);
  return names.reduce((mask: number, name) => mask | typeNamed(name), NOTHING);
}

function typeNamed(name: Json): number {
  const type = ALL.find((each) => each === (name === "integer" ? "number" : name));
  return type === undefined ? EVERYTHING : bitOf(type);
}

function typesOfValues(values: readonly Json[], members: readonly string[]): number {
  return values.reduce((mask: number, value) => {
    const found = resolvePointer(value, members);
    return found.ok ? mask | bitOf(typeOf(found.value)) : mask;
  }, NOTHING);
}

/** The type of a value. */
export function typeOf(value: Json): JsonType {
  if (value === null) return "null";
  if (typeof value === "object") return isJsonArray(value) ? "array" : "object";
  if (typeof value === "string") return "string";
  return typeof value === "number" ? "number" : "boolean";
}

function propertySchema(schema: JsonObject, name: string): Json {
  const properties = schema["properties"];
  if (isJsonObject(properties) && Object.hasOwn(properties, name)) return properties[name] ?? true;
  if (schema["patternProperties"] !== undefined) return true;
  return schema["additionalProperties"] ?? true;
}

function itemSchema(schema: JsonObject, index: number): Json {
  const { maxItems, items } = schema;
  if (typeof maxItems === "number" && index >= maxItems) return false;
  const first = listOf(schema["prefixItems"])[index];
  if (first !== undefined) return first;
  if (items === undefined) return true;
  if (items === null || typeof items !== "object" || !isJsonArray(items)) return items;
  return items[index] ?? schema["additionalItems"] ?? true;
}
