/**
 * Conditions of a chain: a reference that is true or false by itself, or a comparison.
 *
 * Truth as in JSON Logic (https://jsonlogic.com/truthy.html): null, false, 0, "" and [] are false, everything else is
 * true. `==` and `!=` compare whole values by canonical JSON. The other four order two numbers, or two texts by UTF-16
 * code unit; anything else has no order, which fails the step rather than being silently false.
 */

import type { Comparison, Condition } from "../../contract/chain.ts";
import type { CallError } from "../../contract/run.ts";
import { canonicalJson, isJsonArray, type Json } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { fill, type ChainScope } from "./chain-scope.ts";

/** Whether `condition` holds. */
export function holds(condition: Condition, scope: ChainScope): Result<boolean, CallError> {
  if (!("$ref" in condition)) return compare(condition, scope);
  const value = fill(condition, scope);
  return value.ok ? ok(isTrue(value.value)) : value;
}

/** Whether `comparison` holds. */
export function compare(
  { left, op, right }: Comparison,
  scope: ChainScope,
): Result<boolean, CallError> {
  const a = fill(left, scope);
  if (!a.ok) return a;
  const b = fill(right, scope);
  if (!b.ok) return b;
  if (op === "==" || op === "!=")
    return ok((canonicalJson(a.value) === canonicalJson(b.value)) === (op === "=="));
  const order = orderOf(a.value, b.value);
  if (order === null) {
    const message = `"${op}" compares two numbers or two texts.`;
    return fail({ code: "arguments_invalid", message });
  }
  return ok(FITS[op](order));
}

const FITS = {
  "<": (order: number) => order < 0,
  "<=": (order: number) => order <= 0,
  ">": (order: number) => order > 0,
  ">=": (order: number) => order >= 0,
} as const;

function isTrue(value: Json): boolean {
  if (value !== null && typeof value === "object") return !isJsonArray(value) || value.length > 0;
  return value !== null && value !== false && value !== 0 && value !== "";
}

/** Negative, 0 or positive; null when the two have no order. */
function orderOf(a: Json, b: Json): number | null {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== "string" || typeof b !== "string") return null;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
