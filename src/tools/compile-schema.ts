/**
 * Turns a checked JSON Schema into something that can be run, with a bound on what one run may cost.
 *
 * The validator is `@cfworker/json-schema` (docs/decisions/json-schema.md says why). It knows no limits of its own, so
 * they are written into a private copy of the schema: every part counts a step when it is looked at, a text meets a
 * pattern only while it is short enough for it, and long lists are not compared item by item. Whatever goes beyond a
 * limit, and whatever the validator throws on, is refused: nothing that was not checked counts as valid.
 */

import {
  type OutputUnit,
  type Schema,
  dereference,
  encodePointer,
  validate,
} from "@cfworker/json-schema";

import type { Violation } from "../contract/error.ts";
import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../platform/canonical-json.ts";
import { checkSchema, localReference } from "./check-schema.ts";
import { MAX_SHORT_TEXT, judgePattern } from "./pattern-safety.ts";
import { CHECKED_FORMATS, SCHEMA_PLACES, VALUE_RULES } from "./schema-keywords.ts";

/** Longest list whose items are compared with each other for `uniqueItems`. */
export const MAX_UNIQUE_ITEMS = 500;

/** Longest text whose `format` is checked. */
export const MAX_FORMAT_TEXT = 2048;

/** Ways of a pattern that weigh as much as looking at one part of a schema. */
const WAYS_PER_STEP = 8192;

/** What a run says: nothing to complain about, the validator's complaints, or that it could not be finished. */
export type SchemaVerdict =
  | { readonly kind: "valid" }
  | { readonly kind: "invalid"; readonly units: readonly OutputUnit[] }
  | { readonly kind: "unchecked"; readonly reason: string };

/** A schema ready to run. */
export interface CompiledSchema {
  /**
   * Judges a value within `maxSteps` parts of the schema looked at. With `all` false it stops at the first complaint of
   * each list or object. Never throws.
   */
  run(value: Json, maxSteps: number, all: boolean): SchemaVerdict;
}

/** Compiles a schema. One that `checkSchema` refuses compiles to a judge that accepts nothing. */
export function compileSchema(schema: JsonObject): CompiledSchema {
  const [problem] = checkSchema(schema, "");
  if (problem !== undefined)
    return { run: () => ({ kind: "unchecked", reason: unusable(problem) }) };
  const meter: Meter = { left: 0 };
  const root = copyObject(schema, meter);
  const lookup = dereference(root);
  return {
    run(value, maxSteps, all) {
      meter.left = maxSteps;
      try {
        const { valid, errors } = validate(value, root, "2019-09", lookup, !all);
        return valid ? { kind: "valid" } : { kind: "invalid", units: errors };
      } catch (cause) {
        return {
          kind: "unchecked",
          reason: cause instanceof Refusal ? cause.message : "The value cannot be checked.",
        };
      }
    },
  };
}

function unusable(problem: Violation): string {
  return `The tool's schema cannot be used (${problem.pointer}: ${problem.message})`;
}

/** Ends a run from inside the validator; caught right above, never seen elsewhere. */
class Refusal extends Error {}

/** Steps left of the run in progress. Runs are synchronous, so there is never more than one. */
interface Meter {
  left: number;
}

function copySchema(schema: Json, meter: Meter): Schema | boolean {
  return isJsonObject(schema) ? copyObject(schema, meter) : schema === true;
}

function copyObject(schema: JsonObject, meter: Meter): Schema {
  const copy: Schema = {};
  const guarded: Schema[] = [];
  let weight = 1;
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === "$ref" && typeof value === "string") copy.$ref = canonicalReference(value);
    else if (SCHEMA_PLACES.has(keyword)) copy[keyword] = copyPlace(keyword, value, meter);
    else if (keyword === "pattern" && typeof value === "string") {
      const { maxText, cost } = patternLimits(value);
      weight += cost;
      guarded.push(onlyShort({ pattern: value }, maxText));
    } else if (keyword === "format" && typeof value === "string") {
      if (CHECKED_FORMATS.has(value)) guarded.push(onlyShort({ format: value }, MAX_FORMAT_TEXT));
    } else if (keyword === "uniqueItems") {
      if (value === true) guarded.push(onlyFewItems());
    } else if (VALUE_RULES.has(keyword)) copy[keyword] = value;
  }
  if (isJsonObject(schema["patternProperties"] ?? null)) {
    const costs = Object.keys(copy.patternProperties ?? {}).map(
      (pattern) => patternLimits(pattern).cost,
    );
    weight += costs.reduce((sum, cost) => sum + cost, 0);
    guarded.push({ propertyNames: onlyShort({}, MAX_SHORT_TEXT) });
  }
  if (guarded.length > 0) copy.allOf = [...(copy.allOf ?? []), ...guarded];
  return counted(copy, meter, weight);
}

function copyPlace(keyword: string, value: Json, meter: Meter): unknown {
  if (isJsonArray(value)) return value.map((child) => copySchema(child, meter));
  if (SCHEMA_PLACES.get(keyword) !== "map" || !isJsonObject(value)) return copySchema(value, meter);
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [name, copySchema(child, meter)]),
  );
}

/** The library compares references as text, so each is written the way the library names its targets. */
function canonicalReference(reference: string): string {
  const names = (localReference(reference) ?? "").split("/").slice(1);
  return `#${names.map((name) => `/${encodePointer(unescapePointer(name))}`).join("")}`;
}

function unescapePointer(name: string): string {
  return name.replaceAll("~1", "/").replaceAll("~0", "~");
}

function patternLimits(pattern: string): { readonly maxText: number; readonly cost: number } {
  const verdict = judgePattern(pattern);
  if (!verdict.allowed) return { maxText: 0, cost: 0 };
  return { maxText: verdict.maxText, cost: Math.floor(verdict.ways / WAYS_PER_STEP) };
}

/** `schema` for texts of up to `maxText` characters; a longer one ends the run before `schema` is looked at. */
function onlyShort(schema: Schema, maxText: number): Schema {
  const reason = `A text is longer than the ${maxText} characters the schema can check.`;
  return unless({ type: "string", minLength: maxText + 1 }, reason, schema);
}

function onlyFewItems(): Schema {
  const reason = `A list has more than the ${MAX_UNIQUE_ITEMS} items that can be compared with each other.`;
  return unless({ type: "array", minItems: MAX_UNIQUE_ITEMS + 1 }, reason, { uniqueItems: true });
}

/** `allOf` is looked at in order, so the refusal comes before the costly part. */
function unless(tooMuch: Schema, reason: string, schema: Schema): Schema {
  return { allOf: [{ if: { not: tooMuch }, else: refusing(reason) }, schema] };
}

/**
 * Makes a schema count a step whenever the validator looks at it. The validator reads `$recursiveAnchor` of every schema
 * it runs, `checkSchema` refuses that keyword, so a getter there is seen exactly once a look and changes nothing else.
 */
function counted(schema: Schema, meter: Meter, weight: number): Schema {
  return Object.defineProperty(schema, "$recursiveAnchor", {
    get() {
      meter.left -= weight;
      if (meter.left < 0) throw new Refusal("The value is too large or too complex to be checked.");
      return undefined;
    },
  });
}

function refusing(reason: string): Schema {
  return Object.defineProperty<Schema>({}, "$recursiveAnchor", {
    get() {
      throw new Refusal(reason);
    },
  });
}
