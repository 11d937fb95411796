/**
 * What a step of a chain can refer to, and how references become values. The grammar is that of references between calls
 * (`plan/read-references.ts`): `{"$ref": "label#/pointer"}`, `{"$tmpl": "… ${label#/pointer} …"}`, `{"$literal": …}`.
 * Labels are steps and what the construct knows (`step-needs.ts`). Values are put in as data and never read again.
 *
 * A skipped step is null, whatever the pointer. A pointer that leads nowhere in any other value fails the step.
 */

import { parsePointer, resolvePointer } from "../../algorithms/json-pointer.ts";
import type { ResultSource } from "../../contract/planned-call.ts";
import type { CallError } from "../../contract/run.ts";
import type { Json, JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { fillReferences } from "../plan/bind-call.ts";
import { readReferences } from "../plan/read-references.ts";

/** Values by label. */
export type ChainScope = ReadonlyMap<string, Json>;

/** Arguments with every reference in them replaced. */
export function fillObject(values: JsonObject, scope: ChainScope): Result<JsonObject, CallError> {
  const read = readReferences(values);
  return fillReferences(read.values, read.references, (source) => lookUp(source, scope));
}

/** Any one value with every reference in it replaced. */
export function fill(value: Json, scope: ChainScope): Result<Json, CallError> {
  const filled = fillObject({ value }, scope);
  return filled.ok ? ok(filled.value["value"] ?? null) : filled;
}

function lookUp({ label, pointer }: ResultSource, scope: ChainScope): Result<Json, string> {
  const value = scope.get(label);
  if (value === undefined) return fail(`there is nothing called "${label}" here.`);
  if (value === null) return ok(null);
  const found = resolvePointer(value, parsePointer(pointer) ?? []);
  return found.ok ? found : fail(`"${label}" has no ${pointer}.`);
}
