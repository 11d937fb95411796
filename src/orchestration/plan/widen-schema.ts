/**
 * The schema of a tool as the model sees it when references are on: every field also takes a reference, and the call a
 * label.
 *
 * Written for what providers accept in common. The two forms stand in an `anyOf` that has nothing beside it, because
 * Gemini refuses it otherwise, and are written out, because not all of them follow `$defs`. `$ref` appears as a property
 * only inside an object, and the label has no `$`: Anthropic checks the names of top-level properties. Nothing is strict.
 * The result depends on the schema alone, so its bytes are the same in every request.
 */

import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { typesAt } from "./schema-types.ts";

/** The argument that labels a call. A tool with a field of this name keeps it, and its calls have no label. */
export const LABEL_FIELD = "gw_label";

const TEXT: Json = { type: "string" };
const VALUE_FORM: Json = { type: "object", properties: { $ref: TEXT }, required: ["$ref"] };
const TEXT_FORM: Json = { type: "object", properties: { $ref: TEXT, $tmpl: TEXT } };

/** Keyed by the schema, so an entry goes with its definition and a tool is widened once an isolate and snapshot. */
const widened = new WeakMap<JsonObject, JsonObject>();

/** `input` with the reference forms and the label in it. */
export function widenSchema(input: JsonObject): JsonObject {
  const known = widened.get(input);
  if (known !== undefined) return known;
  const fresh = withLabel(canWiden(input) ? widenInside(input, input) : input);
  widened.set(input, fresh);
  return fresh;
}

/** True when a schema's top level leaves the label field to the gateway. */
export function hasLabel(input: JsonObject): boolean {
  const properties = input["properties"];
  return !isJsonObject(properties) || !Object.hasOwn(properties, LABEL_FIELD);
}

function withLabel(input: JsonObject): JsonObject {
  if (!hasLabel(input)) return input;
  const properties = input["properties"];
  const own = isJsonObject(properties) ? properties : {};
  return { ...input, properties: { ...own, [LABEL_FIELD]: TEXT } };
}

/** Fields move one level down, so a schema that points into the middle of one stays as it is. */
function canWiden(schema: JsonObject): boolean {
  return referencesOf(schema).every((reference) =>
    /^#(?:$|\/(?:\$defs|definitions|properties)\/[^/]+$)/.test(reference),
  );
}

function referencesOf(schema: Json): readonly string[] {
  if (schema === null || typeof schema !== "object") return [];
  const own = isJsonObject(schema) ? schema["$ref"] : undefined;
  const inside = Object.values(schema).flatMap((part: Json) => referencesOf(part));
  return typeof own === "string" ? [own, ...inside] : inside;
}

/** Widens every field below a schema; the schema itself takes no reference. */
function widenInside(schema: Json, root: JsonObject): JsonObject {
  if (!isJsonObject(schema)) return {};
  const { properties, items } = schema;
  const changed: { [keyword: string]: Json } = {};
  if (isJsonObject(properties)) changed["properties"] = mapValues(properties, root, widenField);
  if (isJsonObject(items)) changed["items"] = widenField(items, root);
  for (const keyword of ["$defs", "definitions"]) {
    const shared = schema[keyword];
    if (isJsonObject(shared)) changed[keyword] = mapValues(shared, root, widenShared);
  }
  return { ...schema, ...changed };
}

function mapValues(
  schemas: JsonObject,
  root: JsonObject,
  widen: (schema: Json, root: JsonObject) => Json,
): JsonObject {
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [name, widen(schema, root)]),
  );
}

function widenShared(schema: Json, root: JsonObject): Json {
  return isJsonObject(schema) ? widenInside(schema, root) : schema;
}

function widenField(schema: Json, root: JsonObject): Json {
  // A field that takes anything takes a reference as it is, and one that takes nothing takes none.
  if (!isJsonObject(schema)) return schema;
  const form = typesAt(schema, [], root).includes("string") ? TEXT_FORM : VALUE_FORM;
  return { anyOf: [widenInside(schema, root), form] };
}
