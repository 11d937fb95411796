/**
 * Usage of several model turns as one: numbers add up, however deep they lie (`prompt_tokens_details.cached_tokens`).
 *
 * Providers differ in what they count, so nothing is named here. A field that is not a number is taken from the later
 * turn; a turn without usage adds nothing.
 */

import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";

/** `sum` with the numbers of `turn` added. */
export function addUsage(sum: JsonObject, turn: JsonObject): JsonObject {
  const added = Object.entries(turn).map(([key, value]): [string, Json] => [
    key,
    addValue(Object.hasOwn(sum, key) ? sum[key] : undefined, value),
  ]);
  return { ...sum, ...Object.fromEntries(added) };
}

function addValue(before: Json | undefined, value: Json): Json {
  if (typeof before === "number" && typeof value === "number") return before + value;
  if (isJsonObject(before) && isJsonObject(value)) return addUsage(before, value);
  // A provider that leaves a counter null in one turn has not taken back what it counted in another.
  return value === null && before !== undefined ? before : value;
}
