/**
 * Checks a tenant's JSON Schema before it is stored: every keyword has the right kind of value, references are local
 * and lead to a schema, nothing can make validation endless or slow.
 *
 * Refused are an unknown `type` (`dict`, `float` …), references to other documents, references that lead back to
 * themselves without looking at a part of the value, patterns a backtracking engine can be slow on, more than
 * `MAX_SCHEMA_DEPTH` levels or `MAX_SCHEMA_NODES` schemas. Nothing is fetched, ever.
 */

import type { Violation } from "../contract/error.ts";
import { MAX_VIOLATIONS, pointerMember } from "../contract/parse.ts";
import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../platform/canonical-json.ts";
import { judgePattern } from "./pattern-safety.ts";
import { IN_PLACE, REFUSED_KEYWORDS, SCHEMA_PLACES, VALUE_RULES } from "./schema-keywords.ts";

/** Schemas inside schemas. */
export const MAX_SCHEMA_DEPTH = 32;

/** Schemas in one document. */
export const MAX_SCHEMA_NODES = 2000;

/** Entries of one `patternProperties`: each is matched against every property name. */
export const MAX_KEY_PATTERNS = 16;

interface Walk {
  readonly prefix: string;
  readonly violations: Violation[];
  /** Every schema by its pointer from the root, and the schemas that judge the same value. */
  readonly nodes: Map<string, string[]>;
  readonly references: { readonly from: string; readonly to: string }[];
}

/** Everything wrong with a schema; pointers start with `prefix`. An empty list means it can be compiled. */
export function checkSchema(schema: JsonObject, prefix: string): readonly Violation[] {
  const walk: Walk = { prefix, violations: [], nodes: new Map(), references: [] };
  visit(walk, schema, "", 1);
  for (const { from, to } of walk.references) {
    if (!walk.nodes.has(to))
      report(walk, `${from}/$ref`, "The reference leads to no schema of this document.");
  }
  for (const pointer of endlessReferences(walk)) {
    report(walk, `${pointer}/$ref`, "The reference leads back to itself.");
  }
  return walk.violations.slice(0, MAX_VIOLATIONS);
}

/** The pointer a local `$ref` names, or null when it is not local. */
export function localReference(reference: string): string | null {
  if (reference === "#") return "";
  if (!reference.startsWith("#/")) return null;
  try {
    return decodeURIComponent(reference.slice(1));
  } catch {
    return null;
  }
}

function report(walk: Walk, pointer: string, message: string): void {
  walk.violations.push({ pointer: walk.prefix + pointer, message });
}

function visit(walk: Walk, schema: Json, pointer: string, depth: number): void {
  if (depth > MAX_SCHEMA_DEPTH)
    return report(walk, pointer, `Schemas nest deeper than ${MAX_SCHEMA_DEPTH} levels.`);
  if (walk.nodes.size >= MAX_SCHEMA_NODES) {
    // Said once: the walk ends here, whatever follows.
    if (walk.nodes.size === MAX_SCHEMA_NODES)
      report(walk, pointer, `The schema has more than ${MAX_SCHEMA_NODES} parts.`);
    walk.nodes.set(`${pointer}#`, []);
    return;
  }
  walk.nodes.set(pointer, []);
  if (typeof schema === "boolean") return;
  if (!isJsonObject(schema))
    return report(walk, pointer, "Must be a schema: an object, true or false.");
  for (const [keyword, value] of Object.entries(schema))
    checkKeyword(walk, keyword, value, pointer, depth);
}

function checkKeyword(
  walk: Walk,
  keyword: string,
  value: Json,
  pointer: string,
  depth: number,
): void {
  const at = pointer + pointerMember(keyword);
  if (keyword === "$ref") return checkReference(walk, value, pointer);
  if (keyword === "$id" && pointer !== "")
    return report(walk, at, "Only the whole schema may have an $id.");
  const refusal = REFUSED_KEYWORDS.get(keyword);
  if (refusal !== undefined) return report(walk, at, refusal);
  const place = SCHEMA_PLACES.get(keyword);
  if (place !== undefined) return visitPlace(walk, keyword, value, pointer, depth);
  const rule = VALUE_RULES.get(keyword);
  if (rule === undefined) return;
  if (!rule.fits(value)) return report(walk, at, rule.message);
  if (keyword === "pattern" && typeof value === "string") checkPattern(walk, value, at);
}

function checkPattern(walk: Walk, pattern: string, at: string): void {
  const verdict = judgePattern(pattern);
  if (!verdict.allowed) report(walk, at, verdict.reason);
}

function checkReference(walk: Walk, value: Json, pointer: string): void {
  const target = typeof value === "string" ? localReference(value) : null;
  if (target === null)
    return report(walk, `${pointer}/$ref`, "Only references of the form #/… are understood.");
  walk.references.push({ from: pointer, to: target });
  walk.nodes.get(pointer)?.push(target);
}

function visitPlace(
  walk: Walk,
  keyword: string,
  value: Json,
  pointer: string,
  depth: number,
): void {
  const place = SCHEMA_PLACES.get(keyword);
  const at = pointer + pointerMember(keyword);
  if (
    keyword === "patternProperties" &&
    isJsonObject(value) &&
    Object.keys(value).length > MAX_KEY_PATTERNS
  ) {
    return report(walk, at, `At most ${MAX_KEY_PATTERNS} patterns of property names are allowed.`);
  }
  const children = (inner: Iterable<readonly [string, Json]>) => {
    for (const [key, child] of inner) {
      const childAt = at + pointerMember(key);
      if (keyword === "patternProperties") checkPattern(walk, key, childAt);
      if (IN_PLACE.has(keyword)) walk.nodes.get(pointer)?.push(childAt);
      visit(walk, child, childAt, depth + 1);
    }
  };
  if (place === "map") {
    if (isJsonObject(value)) return children(Object.entries(value));
    return report(walk, at, "Must be an object of schemas.");
  }
  if (place === "list" || (place === "one_or_list" && isJsonArray(value))) {
    if (isJsonArray(value) && value.length > 0)
      return children(value.map((child, index) => [String(index), child] as const));
    return report(walk, at, "Must be a list of at least one schema.");
  }
  if (IN_PLACE.has(keyword)) walk.nodes.get(pointer)?.push(at);
  visit(walk, value, at, depth + 1);
}

/** Schemas that reach themselves through references and in-place keywords alone: validating them would never end. */
function endlessReferences(walk: Walk): ReadonlySet<string> {
  const done = new Set<string>();
  const endless = new Set<string>();
  const open = new Set<string>();
  const follow = (pointer: string) => {
    if (done.has(pointer)) return;
    open.add(pointer);
    for (const next of walk.nodes.get(pointer) ?? []) {
      if (open.has(next)) endless.add(pointer);
      else follow(next);
    }
    open.delete(pointer);
    done.add(pointer);
  };
  for (const pointer of walk.nodes.keys()) follow(pointer);
  return endless;
}
