/**
 * Binds a call: results take the places of its references, and the arguments are checked again as a whole.
 *
 * Values go in as data. What a result holds is never searched for references, and a text that looks like a template
 * stays the text it is, because only the list of references made from the author's own arguments is followed. Whatever
 * cannot be bound fails this one call, with the place.
 */

import { parsePointer, resolvePointer } from "../../algorithms/json-pointer.ts";
import { complaint } from "../../contract/call-complaint.ts";
import { pointerMember } from "../../contract/parse.ts";
import type {
  ArgumentReference,
  BindCall,
  CallableTool,
  ResultSource,
} from "../../contract/planned-call.ts";
import { hasResult, type CallError, type CallResult } from "../../contract/run.ts";
import { isJsonArray, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { ParsedResults } from "./parsed-results.ts";
import { placeOf } from "./read-references.ts";

/** Longest text a template may become, in characters. */
export const MAX_TEMPLATE_OUTPUT = 1_048_576;

/** Results put into one call's arguments, in characters of JSON together. */
export const MAX_BOUND_LENGTH = 8_388_608;

/** What `complaint` begins with when only the results make the arguments unfit. */
const RESULTS_DO_NOT_FIT =
  "With the results filled in, the arguments do not fit the tool's schema.";

/** Where a result came from that is no longer among those of this turn. */
type EarlierResults = (callId: string) => CallResult | undefined;

/** A binder for the calls of one run; `find` knows the tools by the tenant's names. */
export function createBinder(
  find: (tool: string) => CallableTool | null,
  earlier: EarlierResults = () => undefined,
): BindCall {
  const parsed = new ParsedResults();
  return (call, results) => {
    const resultOf = (id: string) => results.get(id) ?? earlier(id);
    const values = fillReferences(call.arguments, call.references ?? [], (source) =>
      lookUp(source, resultOf, parsed),
    );
    if (!values.ok) return values;
    const violations = find(call.tool)?.check(values.value, []) ?? [];
    if (violations.length > 0) {
      const message = complaint(RESULTS_DO_NOT_FIT, violations);
      return fail({ code: "arguments_invalid", message });
    }
    const { references: _bound, ...rest } = call;
    return ok({ ...rest, arguments: values.value });
  };
}

/** The value of a source, or why there is none. */
export type LookUp = (source: ResultSource) => Result<Json, string>;

/** A copy of `given` with a value in the place of each reference. */
export function fillReferences(
  given: JsonObject,
  references: readonly ArgumentReference[],
  look: LookUp,
): Result<JsonObject, CallError> {
  let values = given;
  let lengthLeft = MAX_BOUND_LENGTH;
  for (const reference of references) {
    const value =
      reference.kind === "value" ? look(reference.source) : fillTemplate(reference.parts, look);
    if (!value.ok) return unresolved(reference, value.error);
    lengthLeft -= lengthOf(value.value);
    if (lengthLeft < 0) {
      const message = `the results are longer than ${MAX_BOUND_LENGTH} characters together.`;
      return unresolved(reference, message);
    }
    values = replaceIn(values, parsePointer(reference.at) ?? [], value.value);
  }
  return ok(values);
}

function unresolved(reference: ArgumentReference, message: string): Result<never, CallError> {
  return fail({ code: "reference_unresolved", message: `${placeOf(reference)}: ${message}` });
}

function lookUp(
  { label, pointer, call }: ResultSource,
  resultOf: EarlierResults,
  parsed: ParsedResults,
): Result<Json, string> {
  const result = call === undefined ? undefined : resultOf(call);
  if (result === undefined || !hasResult(result)) return fail(`there is no result of "${label}".`);
  if (result.kept !== undefined)
    return fail(`the result of "${label}" is too long to be referred to; it is kept.`);
  const members = parsePointer(pointer) ?? [];
  const found = resolvePointer(parsed.valueOf(result), members);
  if (found.ok) return found;
  const place = members
    .slice(0, found.error + 1)
    .map(pointerMember)
    .join("");
  return fail(`the result of "${label}" has no ${place}.`);
}

/** A string goes in as it is, anything else as JSON. */
function fillTemplate(
  parts: readonly (string | ResultSource)[],
  look: LookUp,
): Result<string, string> {
  let text = "";
  for (const part of parts) {
    const value = typeof part === "string" ? ok(part) : look(part);
    if (!value.ok) return value;
    text += typeof value.value === "string" ? value.value : JSON.stringify(value.value);
    if (text.length > MAX_TEMPLATE_OUTPUT)
      return fail(`the text becomes longer than ${MAX_TEMPLATE_OUTPUT} characters.`);
  }
  return ok(text);
}

function lengthOf(value: Json): number {
  return typeof value === "string" ? value.length : JSON.stringify(value).length;
}

/** A copy of `values` with `value` at `members`; what is not on the way is shared. */
function replaceIn(values: JsonObject, members: readonly string[], value: Json): JsonObject {
  const [member, ...rest] = members;
  if (member === undefined) return values;
  // Entries, not assignment: a field may be called `__proto__`.
  return Object.fromEntries(
    Object.entries(values).map(([name, inner]) =>
      name === member ? [name, replaceValue(inner, rest, value)] : [name, inner],
    ),
  );
}

function replaceValue(inner: Json, members: readonly string[], value: Json): Json {
  const [member, ...rest] = members;
  if (member === undefined || inner === null || typeof inner !== "object") return value;
  if (!isJsonArray(inner)) return replaceIn(inner, members, value);
  return inner.map((item, index) =>
    String(index) === member ? replaceValue(item, rest, value) : item,
  );
}
