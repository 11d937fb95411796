/** Reading JSON of another's making: a member of the wrong type counts as absent. */

import { isJsonArray, type Json } from "../platform/canonical-json.ts";

/** A text, or the empty one. */
export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** A list, or the empty one. */
export function listOf(value: Json | undefined): readonly Json[] {
  return value !== undefined && value !== null && isJsonArray(value) ? value : [];
}

/** A number, or 0. */
export function countOf(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
}

/** True for a member that is there and not null. */
export function isPresent(value: Json | undefined): value is Exclude<Json, null> {
  return value !== undefined && value !== null;
}

/** The value of JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
