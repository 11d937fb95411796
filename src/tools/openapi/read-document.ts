/**
 * An OpenAPI document as far as tools are made of it: its operations, and local references.
 *
 * The document is somebody's text. It is never fetched from (references lead into the document or nowhere), and every
 * walk is bounded: operations, steps of one reference, and what one tool's schema may hold (see check-schema.ts).
 */

import type { Violation } from "../../contract/error.ts";
import { pointerMember } from "../../contract/parse.ts";
import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../../platform/canonical-json.ts";
import { type Result, fail, ok } from "../../platform/result.ts";

/** Operations of one document, selected or not. */
export const MAX_OPERATIONS = 2000;

/** References from one place to the next until something stands there. */
const MAX_REFERENCE_STEPS = 16;

const METHODS = ["get", "put", "post", "delete", "options", "head", "patch", "trace"] as const;

/** One operation where it stands. */
export interface FoundOperation {
  /** In capitals. */
  readonly method: string;
  readonly path: string;
  /** From the document's root. */
  readonly pointer: string;
  readonly operation: JsonObject;
  /** The path's own part: parameters and servers shared by its operations. */
  readonly shared: JsonObject;
}

/** A document that can be read. */
export interface ApiDocument {
  readonly root: JsonObject;
  /** 3.0 writes some of JSON Schema in its own way. */
  readonly isThreeZero: boolean;
  readonly operations: readonly FoundOperation[];
}

/** Reads a document; violations point into it, behind `prefix`. */
export function readDocument(
  root: JsonObject,
  prefix: string,
): Result<ApiDocument, readonly Violation[]> {
  const version = root["openapi"];
  if (typeof version !== "string" || !/^3\.[01]\.\d+/.test(version)) {
    const message = "Must be an OpenAPI document of version 3.0 or 3.1.";
    return fail([{ pointer: `${prefix}/openapi`, message }]);
  }
  const paths = root["paths"];
  if (!isJsonObject(paths))
    return fail([{ pointer: `${prefix}/paths`, message: "Must be an object." }]);
  const operations: FoundOperation[] = [];
  for (const [path, item] of Object.entries(paths)) {
    const at = `/paths${pointerMember(path)}`;
    const shared = resolve(root, item);
    if (!shared.ok || !isJsonObject(shared.value)) {
      const message = shared.ok ? "Must be an object." : shared.error;
      return fail([{ pointer: prefix + at, message }]);
    }
    for (const method of METHODS) {
      const operation = shared.value[method];
      if (!isJsonObject(operation)) continue;
      if (operations.length === MAX_OPERATIONS) {
        const message = `The document has more than ${MAX_OPERATIONS} operations.`;
        return fail([{ pointer: `${prefix}/paths`, message }]);
      }
      const found = { method: method.toUpperCase(), path, pointer: `${at}/${method}` };
      operations.push({ ...found, operation, shared: shared.value });
    }
  }
  return ok({ root, isThreeZero: version.startsWith("3.0"), operations });
}

/** What stands at the end of a chain of references, or why nothing does. */
export function resolve(
  root: JsonObject,
  value: Json | undefined,
): Result<Json | undefined, string> {
  let at = value;
  for (let step = 0; isJsonObject(at) && typeof at["$ref"] === "string"; step += 1) {
    if (step === MAX_REFERENCE_STEPS) return fail("The reference leads back to itself.");
    const target = locate(root, at["$ref"]);
    if (!target.ok) return target;
    at = target.value;
  }
  return ok(at);
}

/** What a reference names. */
export function locate(root: JsonObject, reference: string): Result<Json, string> {
  if (!reference.startsWith("#/")) {
    return fail("Only references into the document itself (#/…) are followed.");
  }
  let at: Json | undefined = root;
  for (const part of reference.slice(2).split("/")) {
    const name = decode(part) ?? "";
    if (at !== undefined && isJsonArray(at)) at = at[Number(name)];
    else at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at === undefined ? fail("The reference leads nowhere.") : ok(at);
}

function decode(part: string): string | null {
  try {
    return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return null;
  }
}
