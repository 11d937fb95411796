/**
 * Checks a call's arguments against its tool's `input` schema and a result against its `output` schema.
 *
 * Complaints are JSON pointers with sentences that name what was expected and never repeat the refused value. Compiled
 * schemas are kept as long as the definition they belong to, so a tool is compiled once an isolate and snapshot.
 */

import type { OutputUnit } from "@cfworker/json-schema";

import type { Violation } from "../contract/error.ts";
import { MAX_VIOLATIONS, pointerMember } from "../contract/parse.ts";
import type { ToolDefinition } from "../contract/tool.ts";
import type { Json, JsonObject } from "../platform/canonical-json.ts";
import { type Complaint, certainComplaints } from "./certain-complaints.ts";
import { type CompiledSchema, compileSchema } from "./compile-schema.ts";

/** Parts of a schema looked at for one call's arguments, and again for one call's result. */
export const MAX_CHECK_STEPS = 250_000;

/** Parts looked at to name every wrong place instead of the first; beyond it the first ones must do. */
const MAX_LISTING_STEPS = 50_000;

/** Keyed by the schema object: the entry goes with the definition, so it needs no bound of its own. */
const compiled = new WeakMap<JsonObject, CompiledSchema>();

/**
 * Every wrong place of a call's arguments, pointers starting with `prefix`; empty when they fit. What stands at `holes`
 * (pointers into the arguments) is not known yet, and only what is wrong whatever it will be is named.
 */
export function checkArguments(
  definition: ToolDefinition,
  value: Json,
  prefix: string,
  holes: readonly string[] = [],
): readonly Violation[] {
  return check(definition.input, value, prefix, holes);
}

/** Every wrong place of a result, pointers from its root; empty when it fits or the tool declares no `output`. */
export function checkOutput(definition: ToolDefinition, value: Json): readonly Violation[] {
  return definition.output === undefined ? [] : check(definition.output, value, "");
}

/** Every place where `value` does not fit `schema`, whatever stands at `holes`. */
export function check(
  schema: JsonObject,
  value: Json,
  prefix: string,
  holes: readonly string[] = [],
): readonly Violation[] {
  const judge = compiledSchema(schema);
  const first = judge.run(value, MAX_CHECK_STEPS, false);
  if (first.kind === "valid") return [];
  if (first.kind === "unchecked") return [{ pointer: prefix, message: first.reason }];
  const full = judge.run(value, MAX_LISTING_STEPS, true);
  // The first complaints alone may all be about holes; what cannot be listed is judged once the values are known.
  if (holes.length > 0 && full.kind !== "invalid") return [];
  const units = full.kind === "invalid" ? full.units : first.units;
  const complaints = units.map((unit) => ({ unit, pointer: pointerOf(unit) }));
  const certain = holes.length === 0 ? complaints : certainComplaints(complaints, holes);
  return describe(certain, prefix).slice(0, MAX_VIOLATIONS);
}

function compiledSchema(schema: JsonObject): CompiledSchema {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  const fresh = compileSchema(schema);
  compiled.set(schema, fresh);
  return fresh;
}

/** Keywords that only say that something inside them is wrong; what is wrong follows as a complaint of its own. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "$ref",
  "allOf",
  "if",
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "dependentSchemas",
  "items",
  "prefixItems",
  "additionalItems",
  "unevaluatedItems",
]);

/** Keywords of which one form must fit: naming every form's complaints would contradict itself. */
const CHOICES: ReadonlySet<string> = new Set(["anyOf", "oneOf", "contains", "minContains"]);

function describe(all: readonly Complaint[], prefix: string): Violation[] {
  const choices = all
    .filter(({ unit }) => CHOICES.has(unit.keyword))
    .map(({ unit }) => `${unit.keywordLocation.replace(/minContains$/, "contains")}/`);
  const complaints = all.filter(
    ({ unit }) =>
      !WRAPPERS.has(unit.keyword) &&
      !choices.some((choice) => unit.keywordLocation.startsWith(choice)),
  );
  const violations = complaints.map(({ unit, pointer }) => ({
    pointer: prefix + pointer + missingMember(unit),
    message: sentence(unit),
  }));
  const seen = new Set<string>();
  return violations.filter(({ pointer, message }) => {
    const text = `${pointer} ${message}`;
    return !seen.has(text) && seen.add(text);
  });
}

function pointerOf(unit: OutputUnit): string {
  return decodeURI(unit.instanceLocation.slice(1).replaceAll("%23", "#"));
}

/** A required field is named where it should stand. */
function missingMember(unit: OutputUnit): string {
  const missing = unit.keyword === "required" ? /"(.*)"\.$/s.exec(unit.error)?.[1] : undefined;
  return missing === undefined ? "" : pointerMember(missing);
}

/** What was expected, cut from the library's sentence, which may also hold the value: only these parts are kept. */
const EXPECTATIONS: ReadonlyMap<string, readonly [RegExp, (expected: string) => string]> = new Map([
  ["type", [/Expected (.*)\.$/s, (type: string) => `Must be of type ${type.replaceAll('"', "")}.`]],
  ["enum", [/any of \[(.*)\]\.$/s, (values: string) => `Must be one of: ${shorten(values)}.`]],
  ["const", [/match (.*)\.$/s, (value: string) => `Must be ${shorten(value)}.`]],
  ["minimum", [/less than (.*)\.$/, (bound: string) => `Must be at least ${bound}.`]],
  ["maximum", [/greater than (.*)\.$/, (bound: string) => `Must be at most ${bound}.`]],
  ["exclusiveMinimum", [/less than (.*)\.$/, (bound: string) => `Must be more than ${bound}.`]],
  ["exclusiveMaximum", [/equal to (.*)\.$/, (bound: string) => `Must be less than ${bound}.`]],
  ["multipleOf", [/multiple of (.*)\.$/, (step: string) => `Must be a multiple of ${step}.`]],
  ["minLength", [/< (\d+)\)\.$/, (length: string) => `Must have at least ${length} characters.`]],
  ["maxLength", [/> (\d+)\)\.$/, (length: string) => `Must have at most ${length} characters.`]],
  ["minItems", [/< (\d+)\)\.$/, (length: string) => `Must have at least ${length} items.`]],
  ["maxItems", [/> (\d+)\)\.$/, (length: string) => `Must have at most ${length} items.`]],
  ["format", [/format "(.*)"\.$/, (format: string) => `Must be in the format ${format}.`]],
]);

/** Complaints that need nothing of the library's sentence. */
const SENTENCES: ReadonlyMap<string, string> = new Map([
  ["required", "This field is required."],
  ["false", "This field is not allowed."],
  ["anyOf", "Matches none of the allowed forms."],
  ["oneOf", "Must match exactly one of the allowed forms."],
  ["not", "Has a form that is not allowed."],
  ["pattern", "Does not match the required pattern."],
  ["uniqueItems", "Items must differ from each other."],
  ["contains", "Lacks a required item."],
  ["minContains", "Lacks a required item."],
  ["minProperties", "Has too few properties."],
  ["maxProperties", "Has too many properties."],
  ["dependentRequired", "Lacks a property that another one requires."],
]);

function sentence(unit: OutputUnit): string {
  const expectation = EXPECTATIONS.get(unit.keyword);
  const expected = expectation?.[0].exec(unit.error)?.[1];
  if (expectation !== undefined && expected !== undefined) return expectation[1](expected);
  return SENTENCES.get(unit.keyword) ?? `Breaks the rule "${unit.keyword}".`;
}

const MAX_EXPECTATION = 300;

function shorten(text: string): string {
  return text.length <= MAX_EXPECTATION ? text : `${text.slice(0, MAX_EXPECTATION)}…`;
}
