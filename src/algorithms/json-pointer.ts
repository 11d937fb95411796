/**
 * JSON pointers. Source: RFC 6901: a pointer is `""` or members that each begin with `/`, with `~1` for `/` and `~0` for
 * `~`; a list is entered by an index without leading zeros (§4). Nothing here throws; `-` (the place after a list's end)
 * points at nothing, because nothing is ever written.
 */

import { isJsonArray, isJsonObject, type Json } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";

/** The members of a pointer, unescaped, or null when the text is no pointer. */
export function parsePointer(pointer: string): readonly string[] | null {
  if (pointer === "") return [];
  if (!pointer.startsWith("/") || /~(?![01])/.test(pointer)) return null;
  return pointer
    .slice(1)
    .split("/")
    .map((member) => member.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** The index a member of a pointer names in a list, or null when it names none. */
export function listIndex(member: string): number | null {
  return /^(?:0|[1-9]\d{0,8})$/.test(member) ? Number(member) : null;
}

/** What stands at a pointer's members, or how many of them lead somewhere before the first that does not. */
export function resolvePointer(value: Json, members: readonly string[]): Result<Json, number> {
  let at = value;
  for (const [depth, member] of members.entries()) {
    const next = memberOf(at, member);
    if (next === undefined) return fail(depth);
    at = next;
  }
  return ok(at);
}

function memberOf(value: Json, member: string): Json | undefined {
  if (isJsonObject(value)) return Object.hasOwn(value, member) ? value[member] : undefined;
  if (value === null || typeof value !== "object" || !isJsonArray(value)) return undefined;
  const index = listIndex(member);
  return index === null ? undefined : value[index];
}
