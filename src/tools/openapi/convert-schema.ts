/**
 * Schemas of an OpenAPI document as JSON Schema of one tool.
 *
 * What a schema refers to moves into the tool's own `$defs` and references follow, so a tool's schema stands alone and
 * may be recursive. 3.0's own spellings become JSON Schema's: `nullable`, and the boolean `exclusiveMinimum` and
 * `exclusiveMaximum`. Words of OpenAPI that judge no value (`example`, `xml`, `discriminator` …) are left out.
 */

import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../../platform/canonical-json.ts";
import { MAX_SCHEMA_NODES } from "../check-schema.ts";
import { locate, type ApiDocument } from "./read-document.ts";

/** Members of a schema object that say nothing about values. */
const DROPPED: ReadonlySet<string> = new Set([
  "discriminator",
  "example",
  "externalDocs",
  "nullable",
  "xml",
]);

/** Keywords whose members are names, not keywords. */
const MAPS: ReadonlySet<string> = new Set([
  "properties",
  "patternProperties",
  "$defs",
  "definitions",
  "dependentSchemas",
]);

/** Keywords whose values are values. */
const VALUES: ReadonlySet<string> = new Set(["enum", "const", "default", "examples"]);

/** Why a schema cannot be taken over. */
export class SchemaRefusal extends Error {}

/** Converts the schemas of one tool. A `SchemaRefusal` is thrown for what cannot be taken over. */
export class SchemaConverter {
  readonly #document: ApiDocument;
  readonly #defs = new Map<string, JsonObject | boolean>();
  readonly #names = new Map<string, string>();
  /** What was referred to and is not converted yet, by its place in `$defs`. */
  readonly #waiting: (readonly [name: string, schema: Json])[] = [];
  #nodes = 0;

  constructor(document: ApiDocument) {
    this.#document = document;
  }

  /** Definitions that what was converted so far refers to, or nothing. */
  get definitions(): { readonly $defs?: JsonObject } {
    return this.#defs.size === 0 ? {} : { $defs: Object.fromEntries(this.#defs) };
  }

  /** The schema in JSON Schema's words, and what it refers to in `definitions`. */
  convert(schema: Json | undefined): JsonObject | boolean {
    const converted = this.#convert(schema);
    // One after the other: a chain of references may be longer than the stack is deep.
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      this.#defs.set(next[0], this.#convert(next[1]));
    return converted;
  }

  #convert(schema: Json | undefined): JsonObject | boolean {
    this.#nodes += 1;
    if (this.#nodes > MAX_SCHEMA_NODES) {
      throw new SchemaRefusal(`The schema has more than ${MAX_SCHEMA_NODES} parts.`);
    }
    if (schema === undefined) return true;
    if (typeof schema === "boolean") return schema;
    if (!isJsonObject(schema))
      throw new SchemaRefusal("A schema is neither an object nor a boolean.");
    const reference = schema["$ref"];
    if (typeof reference === "string") return { $ref: this.#moved(reference) };
    const converted: Record<string, Json> = {};
    for (const [keyword, value] of Object.entries(schema)) {
      if (DROPPED.has(keyword) || keyword.startsWith("x-")) continue;
      converted[keyword] = this.#member(keyword, value);
    }
    return this.#document.isThreeZero ? fromThreeZero(schema, converted) : converted;
  }

  #member(keyword: string, value: Json): Json {
    if (VALUES.has(keyword)) return value;
    if (MAPS.has(keyword) && isJsonObject(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, member]) => [name, this.#convert(member)]),
      );
    }
    if (isJsonArray(value)) {
      return value.map((item) => (isJsonObject(item) ? this.#convert(item) : item));
    }
    return isJsonObject(value) ? this.#convert(value) : value;
  }

  /** The place in `$defs` of what a reference names; it is converted once, also when it leads back to itself. */
  #moved(reference: string): string {
    const known = this.#names.get(reference);
    if (known !== undefined) return `#/$defs/${known}`;
    const target = locate(this.#document.root, reference);
    if (!target.ok) throw new SchemaRefusal(target.error);
    const last = reference.split("/").at(-1) ?? "";
    const plain = last.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, 64) || "part";
    const taken = new Set(this.#names.values());
    let name = plain;
    for (let n = 2; taken.has(name); n += 1) name = `${plain}_${n}`;
    this.#names.set(reference, name);
    this.#waiting.push([name, target.value]);
    return `#/$defs/${name}`;
  }
}

function fromThreeZero(schema: JsonObject, converted: Record<string, Json>): JsonObject {
  for (const [exclusive, bound] of [
    ["exclusiveMinimum", "minimum"],
    ["exclusiveMaximum", "maximum"],
  ] as const) {
    const isExclusive = schema[exclusive];
    if (typeof isExclusive !== "boolean") continue;
    delete converted[exclusive];
    const limit = converted[bound];
    if (isExclusive && limit !== undefined) {
      converted[exclusive] = limit;
      delete converted[bound];
    }
  }
  if (schema["nullable"] !== true) return converted;
  const { type } = converted;
  if (typeof type !== "string") return { anyOf: [converted, { type: "null" }] };
  const values = converted["enum"];
  const withNull =
    values !== undefined && isJsonArray(values) && !values.includes(null)
      ? [...values, null]
      : null;
  return { ...converted, type: [type, "null"], ...(withNull !== null && { enum: withNull }) };
}
