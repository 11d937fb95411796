/** JSON from outside: parsed, and refused when it nests deeper than the recursive functions behind it should go. */

import type { Json } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";

/** Levels of objects and lists in a call's arguments or result. */
export const MAX_JSON_DEPTH = 64;

/** The value of a JSON text, `not_json`, or `too_deep`. */
export function parseBoundedJson(text: string): Result<Json, "not_json" | "too_deep"> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return fail("not_json");
  }
  return fitsDepth(value, MAX_JSON_DEPTH) ? ok(value) : fail("too_deep");
}

/** True for what JSON.parse made when objects and lists in it nest at most `levels` deep. Looks no deeper than that. */
export function fitsDepth(value: unknown, levels: number): value is Json {
  if (typeof value !== "object" || value === null) return true;
  if (levels === 0) return false;
  return Object.values(value).every((member: unknown) => fitsDepth(member, levels - 1));
}
