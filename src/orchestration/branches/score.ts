/** Results as scorers and aggregators see them, and what they read there: a number, or whatever a fragment points at. */

import { parsePointer, resolvePointer } from "../../algorithms/json-pointer.ts";
import type { CallResult } from "../../contract/run.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { outputText } from "../results/output-text.ts";

/** The number `fragment` points at in JSON text, or null when there is none. */
export function scoreOf(outputJson: string, fragment: string): number | null {
  const value = valueAt(outputJson, fragment);
  return typeof value === "number" ? value : null;
}

/** One result as a scorer or aggregator is given it. */
export function resultAsJson(result: CallResult): JsonObject {
  const { id, tool, status, error } = result;
  const output: Json = JSON.parse(outputText(result));
  return error === undefined
    ? { id, tool, status, output }
    : { id, tool, status, error: { code: error.code, message: error.message } };
}

/** The score a scorer tool gave: a number, or the member `score`. */
export function readScore(outputJson: string): number | null {
  const value: Json = JSON.parse(outputJson);
  if (typeof value === "number") return value;
  const score = isJsonObject(value) ? value["score"] : undefined;
  return typeof score === "number" ? score : null;
}

/** What `fragment` points at in JSON text, or undefined when there is nothing. */
export function valueAt(outputJson: string, fragment: string): Json | undefined {
  const value: Json = JSON.parse(outputJson);
  return at(value, fragment);
}

/** The same of a value. */
export function at(value: Json, fragment: string): Json | undefined {
  const members = parsePointer(fragment.slice(1));
  const found = members === null ? null : resolvePointer(value, members);
  return found?.ok === true ? found.value : undefined;
}
