/**
 * Parsing at a boundary: a value checked against its schema, or every place that is wrong as a JSON pointer.
 *
 * `zod/mini` ships without texts ("Invalid input" for everything), so the sentences are made here from the issue's code.
 * They name what was expected and never repeat the refused value, which may be a secret.
 */

import type * as z from "zod/mini";

import type { Result } from "../platform/result.ts";
import type { Violation } from "./error.ts";

/** Violations of one answer; a body can be wrong in more places than anybody reads. */
export const MAX_VIOLATIONS = 100;

/** A schema of this folder whose parsed value is a `T`. */
export type Schema<T> = z.ZodMiniType<T>;

/** A value that does not fit its schema. */
export interface Misfit {
  readonly violations: readonly Violation[];
  /** Every violation is a number, text or list beyond its upper bound: the shape itself is right. */
  readonly onlyTooBig: boolean;
}

/** Checks `value` against `schema` and fills in defaults; names at most `MAX_VIOLATIONS` wrong places. */
export function parse<T>(schema: Schema<T>, value: unknown): Result<T, Misfit> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const { issues } = parsed.error;
  const misfit: Misfit = {
    violations: issues.flatMap((issue) => describe(issue, "")).slice(0, MAX_VIOLATIONS),
    onlyTooBig: issues.every((issue) => issue.code === "too_big"),
  };
  return { ok: false, error: misfit };
}

/** One member of a JSON pointer (RFC 6901 §3), with its leading slash. */
export function pointerMember(key: PropertyKey): string {
  return `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

type Issue = z.core.$ZodIssue;

function describe(issue: Issue, prefix: string): Violation[] {
  const pointer = prefix + issue.path.map(pointerMember).join("");
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => ({
        pointer: pointer + pointerMember(key),
        message: "This field is unknown.",
      }));
    case "invalid_union":
      return describeUnion(issue.errors, pointer);
    case "invalid_type":
      return [{ pointer, message: `Must be ${withArticle(issue.expected)}.` }];
    case "invalid_value":
      return [{ pointer, message: `Must be one of: ${issue.values.map(String).join(", ")}.` }];
    case "too_big":
      return [
        {
          pointer,
          message: `Must ${bound(issue.origin)} at most ${String(issue.maximum)}${unit(issue.origin)}.`,
        },
      ];
    case "too_small":
      return [
        {
          pointer,
          message: `Must ${bound(issue.origin)} at least ${String(issue.minimum)}${unit(issue.origin)}.`,
        },
      ];
    case "invalid_format":
      return [{ pointer, message: formatMessage(issue.format, issue.pattern) }];
    case "custom":
    case "invalid_element":
    case "invalid_key":
    case "not_multiple_of":
      break;
  }
  return [{ pointer, message: "Is not valid." }];
}

/** Of a union's alternatives, the one that got past its first check says most; if none did, the union itself is named. */
function describeUnion(alternatives: readonly (readonly Issue[])[], pointer: string): Violation[] {
  const closest = alternatives.find((issues) =>
    issues.every(
      (issue) =>
        issue.path.length > 0 || (issue.code !== "invalid_type" && issue.code !== "invalid_value"),
    ),
  );
  if (closest === undefined || closest.length === 0)
    return [{ pointer, message: "Matches none of the allowed forms." }];
  return closest.flatMap((issue) => describe(issue, pointer));
}

function withArticle(expected: string): string {
  if (expected === "int") return "a whole number";
  if (expected === "record") return "an object";
  return /^[aeiou]/.test(expected) ? `an ${expected}` : `a ${expected}`;
}

function bound(origin: string): string {
  return origin === "string" || origin === "array" ? "have" : "be";
}

function unit(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" ? " items" : "";
}

function formatMessage(format: string, pattern: string | undefined): string {
  if (format === "datetime") return "Must be a date and time with an offset (ISO 8601).";
  return format === "regex" && pattern !== undefined
    ? `Must match ${pattern}.`
    : `Must be a valid ${format}.`;
}
