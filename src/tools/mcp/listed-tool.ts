/**
 * A tool as its MCP server lists it, judged once when it is listed: can it be offered at all, and which hash has its
 * definition. The hash covers everything a model or the gateway goes by (names, texts, schemas, annotations) in
 * canonical form, so reordering changes nothing and any other change does.
 */

import type { McpListedTool, McpToolProblem } from "../../contract/mcp.ts";
import {
  type Json,
  type JsonObject,
  canonicalJson,
  isJsonObject,
} from "../../platform/canonical-json.ts";
import { AnyObject } from "../../contract/names.ts";
import { parse } from "../../contract/parse.ts";
import { toHex, utf8 } from "../../platform/encoding.ts";
import { MAX_JSON_DEPTH, parseBoundedJson } from "../bounded-json.ts";
import { checkSchema } from "../check-schema.ts";

/** Longest description of an offered tool, in characters. */
export const MAX_DESCRIPTION = 8192;

/**
 * Characters that a person does not see and a model reads: zero-width and bidi controls, tags, soft hyphen. The joiner
 * U+200D stays allowed, emoji are made with it.
 */
const HIDDEN =
  /[\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{e0000}-\u{e007f}]/u;

/** Control characters but tab, line feed and carriage return. */
const CONTROL = /[^\P{Cc}\t\n\r]/u;

/** The tool with its hash and what speaks against it; `definition` is the member of `tools/list` as it came. */
export async function judgeListedTool(definition: {
  readonly name: string;
}): Promise<McpListedTool> {
  const parsed = parseBoundedJson(JSON.stringify(hashed(definition)));
  if (!parsed.ok || !isJsonObject(parsed.value)) {
    const message = `The definition nests deeper than ${MAX_JSON_DEPTH} levels.`;
    return unusable(definition.name, { reason: "schema_unusable", message });
  }
  const { value } = parsed;
  const digest = await crypto.subtle.digest("SHA-256", utf8(canonicalJson(value)));
  const description = describe(value);
  const { schema, note } = usableOutput(value["outputSchema"]);
  const output = stored(schema);
  const annotations = stored(value["annotations"]);
  return {
    name: definition.name,
    description,
    input: stored(value["inputSchema"]) ?? {},
    ...(output !== undefined && { output }),
    ...(annotations !== undefined && { annotations }),
    hash: `sha256:${toHex(new Uint8Array(digest))}`,
    problem: problemOf(value, description),
    note,
  };
}

function hashed(definition: object): object {
  const {
    name,
    title,
    description,
    inputSchema,
    outputSchema,
    annotations,
  }: Record<string, unknown> = { ...definition };
  return { name, title, description, inputSchema, outputSchema, annotations };
}

function unusable(name: string, problem: McpToolProblem): McpListedTool {
  return { name, description: "", input: {}, hash: "", problem, note: null };
}

function describe({ name, title, description }: JsonObject): string {
  const texts = [description, title, name].filter((text) => typeof text === "string");
  return texts.find((text) => text.trim() !== "") ?? "";
}

function problemOf(value: JsonObject, description: string): McpToolProblem | null {
  const text = JSON.stringify(value);
  if (HIDDEN.test(text) || CONTROL.test(description)) {
    const message = "The definition holds characters that people cannot see.";
    return { reason: "hidden_characters", message };
  }
  if (description.length > MAX_DESCRIPTION) {
    const message = `The description is longer than ${MAX_DESCRIPTION} characters.`;
    return { reason: "description_too_long", message };
  }
  const input = value["inputSchema"] ?? null;
  if (!isJsonObject(input) || input["type"] !== "object") {
    return { reason: "schema_unusable", message: "The input schema's type is not object." };
  }
  const [violation] = checkSchema(input, "/inputSchema");
  return violation === undefined
    ? null
    : { reason: "schema_unusable", message: `${violation.pointer}: ${violation.message}` };
}

function usableOutput(schema: Json | undefined): {
  readonly schema?: JsonObject;
  readonly note: string | null;
} {
  if (schema === undefined || !isJsonObject(schema)) return { note: null };
  const [violation] = checkSchema(schema, "/outputSchema");
  if (violation === undefined) return { schema, note: null };
  return { note: `Results are not checked: ${violation.pointer}: ${violation.message}` };
}

/** A copy of an object in the form that is stored. */
function stored(value: Json | undefined): McpListedTool["input"] | undefined {
  const object = parse(AnyObject, value);
  return object.ok ? object.value : undefined;
}
