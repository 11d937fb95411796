/**
 * Answers a `result_query` from the JSON text of a kept result: the value at a pointer, a page of a list, only the items
 * that match, only some of their fields, a piece of a text.
 *
 * Only the values it compares are parsed. A question that cannot be answered gets a sentence that helps to ask a better
 * one: how far the pointer led and what is there.
 */

import { parsePointer } from "../../algorithms/json-pointer.ts";
import type { ResultQuery } from "../../contract/result-query.ts";
import { type Json, isJsonArray } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { findValue } from "./find-value.ts";
import { JsonScan, type Span } from "./json-scan.ts";

/** Items and characters of one answer where the query does not say. */
const DEFAULT_ITEMS = 20;
const DEFAULT_CHARACTERS = 4_000;

/** Items collected stop here, in bytes: more than any turn's results may have together. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Names told when a pointer leads nowhere. */
const MAX_NAMED = 20;

/** The answer as JSON text, or a sentence on why there is none. */
export function queryResult(json: string, query: ResultQuery): Result<string, string> {
  const scan = new JsonScan(encoder.encode(json));
  const members = parsePointer(query.pointer) ?? [];
  const { span, followed } = findValue(scan, scan.root(), members);
  if (followed < members.length) return fail(nothingThere(scan, span, members.slice(0, followed)));
  const kind = scan.kindOf(span);
  if (kind === "list") return ok(listAnswer(scan, span, query));
  if (query.filter !== undefined)
    return fail(`A filter needs a list; at "${query.pointer}" there is something else.`);
  if (
    kind === "string" &&
    (query.offset > 0 || query.limit !== undefined || span.size > DEFAULT_CHARACTERS)
  )
    return ok(textAnswer(scan.text(span), query));
  return ok(project(scan, span, query.fields));
}

/** The value at a pointer as it stands, or null when there is none. */
export function valueAt(json: string, pointer: string): string | null {
  if (pointer === "") return json;
  const scan = new JsonScan(encoder.encode(json));
  const members = parsePointer(pointer) ?? [];
  const { span, followed } = findValue(scan, scan.root(), members);
  return followed < members.length ? null : scan.text(span);
}

const encoder = new TextEncoder();

function listAnswer(scan: JsonScan, list: Span, query: ResultQuery): string {
  const { filter, fields, offset, limit = DEFAULT_ITEMS } = query;
  const items: string[] = [];
  let count = 0;
  let matched = 0;
  let bytes = 0;
  scan.eachChild(list, (item) => {
    count += 1;
    if (filter !== undefined && !matches(fieldOf(scan, item, filter.field), filter)) return true;
    if (matched >= offset && items.length < limit && bytes < MAX_ANSWER_BYTES) {
      const text = project(scan, item, fields);
      bytes += text.length;
      items.push(text);
    }
    matched += 1;
    return true;
  });
  const found = filter === undefined ? "" : `"matched":${matched},`;
  return `{"count":${count},${found}"offset":${offset},"items":[${items.join(",")}]}`;
}

function textAnswer(written: string, { offset, limit = DEFAULT_CHARACTERS }: ResultQuery): string {
  const text: string = JSON.parse(written);
  const characters = Array.from(text);
  const piece = characters.slice(offset, offset + limit).join("");
  return JSON.stringify({ characters: characters.length, offset, text: piece });
}

/** The value, or of an object only the named fields it has. */
function project(scan: JsonScan, span: Span, fields: readonly string[] | undefined): string {
  if (fields === undefined || scan.kindOf(span) !== "object") return scan.text(span);
  const members = fields.flatMap((field) => {
    const value = spanOf(scan, span, field);
    return value === null ? [] : [`${JSON.stringify(field)}:${scan.text(value)}`];
  });
  return `{${members.join(",")}}`;
}

function fieldOf(scan: JsonScan, item: Span, field: string): Json | undefined {
  const value = spanOf(scan, item, field);
  if (value === null) return undefined;
  const parsed: Json = JSON.parse(scan.text(value));
  return parsed;
}

/** A field is a member's name, or a pointer when it begins with a slash; `""` is the item itself. */
function spanOf(scan: JsonScan, item: Span, field: string): Span | null {
  const members = field === "" || field.startsWith("/") ? parsePointer(field) : [field];
  if (members === null) return null;
  const { span, followed } = findValue(scan, item, members);
  return followed < members.length ? null : span;
}

function matches(
  actual: Json | undefined,
  { op, value }: NonNullable<ResultQuery["filter"]>,
): boolean {
  switch (op) {
    case "equals":
      return actual === value;
    case "not_equals":
      return actual !== value;
    case "contains":
      return contains(actual, value);
    case "gt":
    case "gte":
    case "lt":
    case "lte":
      return isOrdered(actual, op, value);
  }
}

function contains(actual: Json | undefined, value: string | number | boolean | null): boolean {
  if (typeof actual === "string") return actual.toLowerCase().includes(String(value).toLowerCase());
  return actual !== undefined && isJsonArray(actual) && actual.includes(value);
}

/** Numbers by value, texts by code unit (which orders ISO dates); anything else is not ordered. */
function isOrdered(
  actual: Json | undefined,
  op: "gt" | "gte" | "lt" | "lte",
  value: Json,
): boolean {
  const areNumbers = typeof actual === "number" && typeof value === "number";
  const areTexts = typeof actual === "string" && typeof value === "string";
  if (!areNumbers && !areTexts) return false;
  if (actual === value) return op === "gte" || op === "lte";
  return actual > value === (op === "gt" || op === "gte");
}

function nothingThere(scan: JsonScan, span: Span, followed: readonly string[]): string {
  const place = followed.length === 0 ? "the whole result" : `"/${followed.join("/")}"`;
  const kind = scan.kindOf(span);
  if (kind === "list") {
    const { count } = scan.children(span, 1);
    return `The pointer leads nowhere: ${place} is a list of ${count} items, counted from 0.`;
  }
  if (kind !== "object") return `The pointer leads nowhere: ${place} is a single value.`;
  const { count, head } = scan.children(span, MAX_NAMED);
  const names = head.map(({ keyStart, keyEnd }) => scan.text({ start: keyStart, end: keyEnd }));
  const more = count > names.length ? ` and ${count - names.length} more` : "";
  return `The pointer leads nowhere: ${place} has the members ${names.join(", ")}${more}.`;
}
