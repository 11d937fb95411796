/**
 * What a tool's result looks like, in a few words behind its description: a model can only point into a result it knows
 * the shape of. Written like a type: `{city: string, days: [{high: number}]}`. Depends on the schema alone.
 */

import {
  isJsonArray,
  isJsonObject,
  type Json,
  type JsonObject,
} from "../../platform/canonical-json.ts";

/** Longest shape that is told, in characters; of a larger one only the beginning is. */
export const MAX_SHAPE_LENGTH = 400;

const MAX_LEVELS = 4;

/** The shape of a value of `schema`; empty when the schema says nothing. */
export function describeResult(schema: JsonObject): string {
  const shape = shapeOf(schema, schema, MAX_LEVELS);
  if (shape === ANYTHING) return "";
  return shape.length <= MAX_SHAPE_LENGTH ? shape : `${shape.slice(0, MAX_SHAPE_LENGTH)}…`;
}

const ANYTHING = "any";

function shapeOf(schema: Json | undefined, root: JsonObject, levels: number): string {
  if (!isJsonObject(schema) || levels === 0) return ANYTHING;
  const shared = sharedSchema(schema["$ref"], root);
  if (shared !== null) return shapeOf(shared, root, levels - 1);
  for (const keyword of ["anyOf", "oneOf"]) {
    const choices = schema[keyword];
    if (choices === undefined || choices === null || typeof choices !== "object") continue;
    if (!isJsonArray(choices)) continue;
    return [...new Set(choices.map((choice) => shapeOf(choice, root, levels - 1)))].join(" | ");
  }
  const { type, properties, items } = schema;
  if (isJsonObject(properties)) {
    const members = Object.entries(properties).map(
      ([name, member]) => `${name}: ${shapeOf(member, root, levels - 1)}`,
    );
    return `{${members.join(", ")}}`;
  }
  if (items !== undefined) return `[${shapeOf(items, root, levels - 1)}]`;
  if (typeof type === "string") return type;
  return isStringList(type) ? type.join(" | ") : ANYTHING;
}

function sharedSchema(reference: Json | undefined, root: JsonObject): Json | null {
  const match =
    typeof reference === "string" ? /^#\/(\$defs|definitions)\/([^/]+)$/.exec(reference) : null;
  const shared = match === null ? undefined : root[match[1] ?? ""];
  return (isJsonObject(shared) ? shared[match?.[2] ?? ""] : undefined) ?? null;
}

function isStringList(value: Json | undefined): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
