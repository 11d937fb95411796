/**
 * Fills a tool's arguments from the facts of a prompt by the tool's JSON Schema. Required members always get a value;
 * optional ones only when the prompt gives one. `hints` win over everything.
 */

import { isObject, listOf, objectOf, textOf, type UnknownObject } from "../http/json.ts";
import type { Facts } from "./facts.ts";

/** Values already known, by member name. */
export type Hints = Readonly<Record<string, unknown>>;

/** The argument that names a call for references: words of a prompt do not go there. */
const LABEL_FIELD = "gw_label";
/** Deepest object filled. */
const MAX_DEPTH = 4;
/** Longest text handed to a search. */
const MAX_QUERY = 200;

/** Arguments for a tool. */
export function fillArguments(
  schema: UnknownObject,
  facts: Facts,
  hints: Hints = {},
): UnknownObject {
  return fillObject(schema, facts, hints, 0);
}

function fillObject(
  schema: UnknownObject,
  facts: Facts,
  hints: Hints,
  depth: number,
): UnknownObject {
  const required = listOf(schema, "required");
  const numbers = [...facts.numbers];
  const currencies = [...facts.currencies];
  const filled: Record<string, unknown> = {};
  for (const [name, raw] of Object.entries(objectOf(schema, "properties"))) {
    if (!isObject(raw) || name === LABEL_FIELD) continue;
    const member = plainSchema(raw);
    const found = hints[name] ?? evidence(name, member, { ...facts, numbers, currencies });
    // Each number and currency of the prompt is used once, in order.
    if (found === numbers[0]) numbers.shift();
    if (found === currencies[0]) currencies.shift();
    if (found !== undefined) filled[name] = found;
    else if (required.includes(name)) filled[name] = fallback(name, member, facts, depth);
  }
  return filled;
}

/** A schema with alternatives stands for its first one that is not a reference. */
function plainSchema(schema: UnknownObject): UnknownObject {
  const [first] = [...listOf(schema, "anyOf"), ...listOf(schema, "oneOf")]
    .filter(isObject)
    .filter((one) => !("$ref" in objectOf(one, "properties")) && one["type"] !== "null");
  return first ?? schema;
}

function typeOf(schema: UnknownObject): string {
  const type = schema["type"];
  const first: unknown = Array.isArray(type) ? type.find((one) => one !== "null") : type;
  return typeof first === "string" ? first : "string";
}

/** What the prompt says about a member; undefined when it says nothing. */
function evidence(name: string, schema: UnknownObject, facts: Facts): unknown {
  const options = listOf(schema, "enum");
  if (options.length > 0) {
    if (facts.codeLanguage !== null && options.includes(facts.codeLanguage))
      return facts.codeLanguage;
    const text = facts.text.toLowerCase();
    return options.find((option) => text.includes(String(option).toLowerCase()));
  }
  switch (typeOf(schema)) {
    case "integer":
      return facts.numbers.find(Number.isInteger);
    case "number":
      return facts.numbers[0];
    case "string":
      return textEvidence(name, schema, facts);
    default:
      return undefined;
  }
}

function textEvidence(name: string, schema: UnknownObject, facts: Facts): string | undefined {
  const word = name.toLowerCase();
  const about = `${word} ${(textOf(schema, "description") ?? "").toLowerCase()}`;
  const format = textOf(schema, "format");
  if (format === "date" || /date|\bday\b|iso 8601/.test(about)) return facts.dates[0];
  if (format === "uri" || /\burl\b|\buri\b/.test(about)) return facts.urls[0];
  if (/currenc|iso 4217/.test(about)) return facts.currencies[0];
  if (/\bcity\b|\bplace\b|\blocation\b|\btown\b|\bdestination\b/.test(about))
    return facts.places[0];
  if (/expression|formula/.test(about)) return facts.expression ?? undefined;
  if (/\bsource\b|\bcode\b/.test(word)) return facts.code ?? undefined;
  if (word === "language") return facts.codeLanguage ?? undefined;
  if (/^cuisine$/.test(word)) return cuisineOf(facts.text);
  return facts.quoted[0];
}

function cuisineOf(text: string): string | undefined {
  return /\b(french|italian|japanese|indian|vegetarian|thai|greek|mexican|chinese)\b/i
    .exec(text)?.[1]
    ?.toLowerCase();
}

/** A value for a required member the prompt says nothing about. */
function fallback(name: string, schema: UnknownObject, facts: Facts, depth: number): unknown {
  const [option] = listOf(schema, "enum");
  if (option !== undefined) return option;
  if ("default" in schema) return schema["default"];
  switch (typeOf(schema)) {
    case "integer":
    case "number":
      return Math.max(1, Number(schema["minimum"] ?? 1));
    case "boolean":
      return true;
    case "array": {
      const items = plainSchema(objectOf(schema, "items"));
      return depth < MAX_DEPTH
        ? [evidence(name, items, facts) ?? fallback(name, items, facts, depth + 1)]
        : [];
    }
    case "object":
      return depth < MAX_DEPTH ? fillObject(schema, facts, {}, depth + 1) : {};
    case "null":
      return null;
    default:
      if (name.toLowerCase() === "language") return "javascript";
      return (
        facts.places[0] !== undefined && name.length < 3 ? facts.places[0] : facts.text
      ).slice(0, MAX_QUERY);
  }
}
