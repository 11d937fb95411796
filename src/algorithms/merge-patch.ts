/**
 * JSON Merge Patch, RFC 7396 §2. Members of the patch replace those of the target, `null` removes one, objects merge,
 * anything else replaces. The target is never changed.
 */

import { isJsonObject, type Json, type JsonObject } from "../platform/canonical-json.ts";

/** The target, a JSON value, with the patch applied. Nesting must already be bounded by whoever parsed the patch. */
export function mergePatch(target: unknown, patch: JsonObject): JsonObject {
  // A Map, not an object under construction: a member called `__proto__` must stay a member.
  const members = new Map<string, Json>(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else if (isJsonObject(value)) members.set(name, mergePatch(members.get(name), value));
    else members.set(name, value);
  }
  return Object.fromEntries(members);
}
