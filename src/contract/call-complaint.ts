/** What is wrong with a call's arguments, as one line its author can act on: a model repairs it and asks again. */

import type { Violation } from "./error.ts";

/** Violations named to the model; it repairs a few and asks again. */
const MAX_NAMED_VIOLATIONS = 10;

/** `sentence`, then each wrong place with what it must be. */
export function complaint(sentence: string, violations: readonly Violation[]): string {
  const named = violations
    .slice(0, MAX_NAMED_VIOLATIONS)
    .map(({ pointer, message }) => `${pointer || "/"}: ${message}`);
  const more = violations.length - named.length;
  return `${sentence} ${named.join(" ")}${more > 0 ? ` (${more} more)` : ""}`;
}

/** What `complaint` begins with when arguments break their tool's schema. */
export const SCHEMA_BROKEN = "The arguments do not fit the tool's schema.";
