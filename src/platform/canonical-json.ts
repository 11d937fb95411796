/**
 * Canonical JSON: one text for one value, whatever order its keys were written in.
 *
 * Used where a value is hashed or compared (cache keys, idempotency). Object keys are sorted by UTF-16 code unit as in
 * RFC 8785; numbers and strings are written by `JSON.stringify`, which RFC 8785 §3.2.2 prescribes.
 */

/** Any JSON value. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [key: string]: Json };

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Serialises `value` with sorted keys and no white space. The value's nesting must already be bounded by its parser. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isJsonArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
}

/** True for JSON arrays; `Array.isArray` alone does not narrow a readonly array. */
export function isJsonArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** True for JSON objects (not arrays, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
