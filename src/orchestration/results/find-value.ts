/** Follows a JSON pointer (RFC 6901) through JSON text without building its values. */

import type { Child, JsonScan, Span } from "./json-scan.ts";

/** How far a pointer led: the last value found, and how many of its members were followed. */
export interface Found {
  readonly span: Span;
  readonly followed: number;
}

/** Follows `members` from `root`. Of members with the same name the last one counts, as for JSON.parse. */
export function findValue(scan: JsonScan, root: Span, members: readonly string[]): Found {
  let span = root;
  for (const [followed, member] of members.entries()) {
    const next = childNamed(scan, span, member);
    if (next === null) return { span, followed };
    span = next;
  }
  return { span, followed: members.length };
}

function childNamed(scan: JsonScan, parent: Span, member: string): Child | null {
  const kind = scan.kindOf(parent);
  if (kind === "list") return itemAt(scan, parent, member);
  if (kind !== "object") return null;
  const written = encoder.encode(JSON.stringify(member));
  let found: Child | null = null;
  scan.eachChild(parent, (child) => {
    if (hasName(scan, child, member, written)) found = child;
    return true;
  });
  return found;
}

function itemAt(scan: JsonScan, parent: Span, member: string): Child | null {
  if (!/^(0|[1-9]\d{0,8})$/.test(member)) return null;
  const wanted = Number(member);
  let found: Child | null = null;
  scan.eachChild(parent, (child) => {
    if (child.index === wanted) found = child;
    return child.index < wanted;
  });
  return found;
}

const encoder = new TextEncoder();
const BACKSLASH = 0x5c;

/** Compares bytes; only a name with escapes, which can be written in many ways, is decoded. */
function hasName(scan: JsonScan, child: Child, member: string, written: Uint8Array): boolean {
  const { keyStart, keyEnd } = child;
  const name = scan.bytes.subarray(keyStart, keyEnd);
  if (name.includes(BACKSLASH))
    return JSON.parse(scan.text({ start: keyStart, end: keyEnd })) === member;
  return name.length === written.length && name.every((byte, place) => byte === written[place]);
}
