/**
 * What is wrong with arguments of which some values are not known yet.
 *
 * The validator saw a placeholder at each unknown place (a hole), so some of its complaints are about the placeholder.
 * Kept are only those that hold whatever the values turn out to be: a missing neighbour, a field that is not allowed, a
 * list that is too long, anything wrong elsewhere. A choice (`anyOf`, `if` …) about a value with a hole in it may still
 * come out well, and everything said inside it falls with it. The values are checked again once they are known.
 */

import type { OutputUnit } from "@cfworker/json-schema";

/** A complaint and the place it is about, as a JSON pointer. */
export interface Complaint {
  readonly unit: OutputUnit;
  readonly pointer: string;
}

/** Keywords whose verdict on an object or a list depends on what is inside it. */
const DEPENDS_ON_CONTENT: ReadonlySet<string> = new Set([
  "anyOf",
  "oneOf",
  "not",
  "if",
  "contains",
  "minContains",
  "maxContains",
  "unevaluatedProperties",
  "unevaluatedItems",
  "enum",
  "const",
  "uniqueItems",
]);

/** The complaints that hold whatever stands at `holes`. */
export function certainComplaints(
  complaints: readonly Complaint[],
  holes: readonly string[],
): readonly Complaint[] {
  const located = complaints.map((complaint, index) => ({
    complaint,
    location: keywordLocation(complaints, index),
  }));
  const open = located.filter(
    ({ complaint: { unit, pointer } }) =>
      DEPENDS_ON_CONTENT.has(unit.keyword) &&
      holes.some((hole) => isWithin(hole, pointer) || isWithin(pointer, hole)),
  );
  return located
    .filter(({ complaint: { unit, pointer }, location }) => {
      if (holes.some((hole) => isAboutHole(unit.keyword, pointer, hole))) return false;
      return !open.some(
        (choice) =>
          isWithin(pointer, choice.complaint.pointer) && isInside(location, choice.location),
      );
    })
    .map(({ complaint }) => complaint);
}

/** A schema `false` allows nothing, also not what is to come; anything else said of the hole is about the placeholder. */
function isAboutHole(keyword: string, pointer: string, hole: string): boolean {
  return isWithin(pointer, hole) && !(keyword === "false" && pointer === hole);
}

/** The validator gives a schema `false` the place of the value; it stands right behind the keyword that holds it. */
function keywordLocation(complaints: readonly Complaint[], index: number): string {
  const unit = complaints[index]?.unit;
  if (unit?.keyword !== "false") return unit?.keywordLocation ?? "";
  return complaints[index - 1]?.unit.keywordLocation ?? "";
}

/** `if` is said of the condition, its consequences follow under `then` or `else`; the counts belong to `contains`. */
function isInside(location: string, choice: string): boolean {
  const base = choice.replace(/\/(?:if|(?:min|max)Contains)$/, "");
  const places =
    base === choice
      ? [choice]
      : choice.endsWith("/if")
        ? [choice, `${base}/then`, `${base}/else`]
        : [choice, `${base}/contains`];
  return places.some((place) => isWithin(location, place));
}

/** True when `pointer` is `whole` or a place inside it. */
function isWithin(pointer: string, whole: string): boolean {
  return pointer === whole || pointer.startsWith(`${whole}/`);
}
