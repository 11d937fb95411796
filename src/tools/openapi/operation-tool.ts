/**
 * One tool out of one operation: its parameters and the members of its JSON body become arguments, its security becomes
 * secrets, its 2xx answer the output. What cannot be expressed refuses the operation or is noted; nothing is dropped in
 * silence.
 */

import type { Effect, HttpTool, ToolDefinition } from "../../contract/tool.ts";
import { ToolDefinition as ToolDefinitionSchema } from "../../contract/tool.ts";
import { parse } from "../../contract/parse.ts";
import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../../platform/canonical-json.ts";
import { type Result, fail, ok } from "../../platform/result.ts";
import { SchemaConverter, SchemaRefusal } from "./convert-schema.ts";
import { resolve, type ApiDocument, type FoundOperation } from "./read-document.ts";
import { secureRequest } from "./security.ts";

/** Longest description of an imported tool. */
const MAX_DESCRIPTION = 2000;

/** What goes into every operation's tool. */
export interface ToolSurroundings {
  readonly document: ApiDocument;
  /** Base URL without a trailing slash. */
  readonly server: string;
  /** The tenant's secret of a security scheme. */
  readonly secretOf: (scheme: string) => string;
}

/** A tool that was made, and what of its operation could not be taken over. */
export interface MadeTool {
  readonly definition: ToolDefinition;
  readonly notes: readonly string[];
}

const EFFECTS: Readonly<Record<string, Effect>> = {
  GET: "read",
  PUT: "idempotent_write",
  DELETE: "idempotent_write",
  POST: "write",
  PATCH: "write",
};

/** The tool, or why there is none. */
export function operationTool(
  found: FoundOperation,
  around: ToolSurroundings,
): Result<MadeTool, string> {
  try {
    return ok(new OperationReader(found, around).tool());
  } catch (cause) {
    if (cause instanceof SchemaRefusal) return fail(cause.message);
    throw cause;
  }
}

class OperationReader {
  readonly #found: FoundOperation;
  readonly #around: ToolSurroundings;
  readonly #schemas: SchemaConverter;
  readonly #properties: Record<string, JsonObject | boolean> = {};
  readonly #required: string[] = [];
  readonly #notes: string[] = [];
  readonly #query: Record<string, string> = {};
  readonly #headers: Record<string, string> = {};
  #path: string;

  constructor(found: FoundOperation, around: ToolSurroundings) {
    this.#found = found;
    this.#around = around;
    this.#schemas = new SchemaConverter(around.document);
    this.#path = found.path;
  }

  tool(): MadeTool {
    const { method, operation } = this.#found;
    const effect = EFFECTS[method];
    if (effect === undefined) throw new SchemaRefusal(`The method ${method} is not supported.`);
    for (const parameter of this.#parameters()) this.#takeParameter(parameter);
    const body = this.#takeBody(method);
    const { query, headers } = secureRequest(this.#around, operation);
    const http = {
      method,
      url: this.#around.server + this.#path,
      query: { ...this.#query, ...query },
      headers: { ...this.#headers, ...headers },
      ...(body !== null && { body }),
    };
    const output = this.#output(operation);
    const definition = parse(ToolDefinitionSchema, {
      description: this.#description(operation),
      input: {
        type: "object",
        properties: this.#properties,
        ...(this.#required.length > 0 && { required: this.#required }),
        additionalProperties: false,
        ...this.#schemas.definitions,
      },
      ...(output !== null && { output }),
      effect,
      http,
    });
    if (definition.ok) return { definition: definition.value, notes: this.#notes };
    const [violation] = definition.error.violations;
    throw new SchemaRefusal(
      `${violation?.pointer ?? ""}: ${violation?.message ?? "Is not valid."}`,
    );
  }

  #description({ summary, description }: JsonObject): string {
    const texts = [summary, description].flatMap((text) =>
      typeof text === "string" && text !== "" ? [text] : [],
    );
    const text = [...new Set(texts)].join("\n\n");
    const { method, path } = this.#found;
    return (text === "" ? `${method} ${path}` : text).slice(0, MAX_DESCRIPTION);
  }

  /** The operation's parameters, over those of its path. */
  #parameters(): readonly JsonObject[] {
    const byPlace = new Map<string, JsonObject>();
    for (const owner of [this.#found.shared, this.#found.operation]) {
      const list = owner["parameters"];
      if (list === undefined || !isJsonArray(list)) continue;
      for (const item of list) {
        const parameter = this.#resolved(item);
        byPlace.set(JSON.stringify([parameter["in"], parameter["name"]]), parameter);
      }
    }
    return [...byPlace.values()];
  }

  #resolved(value: Json | undefined): JsonObject {
    const found = resolve(this.#around.document.root, value);
    if (!found.ok) throw new SchemaRefusal(found.error);
    if (!isJsonObject(found.value)) throw new SchemaRefusal("An object is expected.");
    return found.value;
  }

  #takeParameter(parameter: JsonObject): void {
    const { name, in: place } = parameter;
    if (typeof name !== "string") throw new SchemaRefusal("A parameter has no name.");
    const isRequired = parameter["required"] === true || place === "path";
    const refusal = parameterRefusal(parameter);
    if (refusal !== null) {
      if (isRequired) throw new SchemaRefusal(`The parameter "${name}" ${refusal}.`);
      this.#notes.push(`The optional parameter "${name}" is left out: it ${refusal}.`);
      return;
    }
    const argument = this.#argument(
      name,
      typeof place === "string" ? place : "other",
      isRequired,
      parameter["schema"],
      parameter,
    );
    if (place === "query") this.#query[name] = `{${argument}}`;
    else if (place === "header") this.#headers[name] = `{${argument}}`;
    else this.#path = this.#path.replaceAll(`{${name}}`, `{${argument}}`);
  }

  /** Adds an argument and returns its name: the parameter's own where that is free and possible. */
  #argument(
    name: string,
    place: string,
    isRequired: boolean,
    schema: Json | undefined,
    described: JsonObject,
  ): string {
    const plain = name.replaceAll(/[^A-Za-z0-9_$@.-]/g, "_").replace(/^(?![A-Za-z_$@])/, "_");
    let argument = plain.slice(0, 100);
    for (let n = 1; Object.hasOwn(this.#properties, argument); n += 1) {
      argument = n === 1 ? `${plain}_${place}` : `${plain}_${place}${n}`;
    }
    const converted = this.#schemas.convert(schema);
    const { description } = described;
    const hasOwn = typeof converted === "object" && "description" in converted;
    this.#properties[argument] =
      typeof description === "string" && typeof converted === "object" && !hasOwn
        ? { ...converted, description }
        : converted;
    if (isRequired) this.#required.push(argument);
    return argument;
  }

  #takeBody(method: string): HttpTool["body"] | null {
    const given = this.#found.operation["requestBody"];
    if (given === undefined) return null;
    const body = this.#resolved(given);
    const media = jsonMedia(body["content"]);
    const isRequired = body["required"] === true;
    const refuse = (reason: string) => {
      if (isRequired || method === "GET") throw new SchemaRefusal(reason);
      this.#notes.push(`The optional body is left out. ${reason}`);
      return null;
    };
    if (media === null) return refuse("The request body is not offered as JSON.");
    if (method === "GET") return refuse("A GET request has no body.");
    const schema = this.#resolved(media["schema"] ?? {});
    const properties = schema["properties"];
    if (!isJsonObject(properties) || ["allOf", "anyOf", "oneOf"].some((word) => word in schema)) {
      return refuse("The request body is not a plain JSON object with named members.");
    }
    const required = schema["required"];
    const template: Record<string, string> = {};
    for (const [name, member] of Object.entries(properties)) {
      const isNeeded =
        isRequired && required !== undefined && isJsonArray(required) && required.includes(name);
      template[name] = `{${this.#argument(name, "body", isNeeded, member, {})}}`;
    }
    return template;
  }

  /** The schema of the first 2xx JSON answer; one that cannot be used is noted. */
  #output(operation: JsonObject): JsonObject | null {
    const responses = operation["responses"];
    if (!isJsonObject(responses)) return null;
    const status = Object.keys(responses).find((code) => /^2(\d\d|XX)$/.test(code));
    if (status === undefined) return null;
    try {
      const media = jsonMedia(this.#resolved(responses[status])["content"]);
      if (media?.["schema"] === undefined) return null;
      const schemas = new SchemaConverter(this.#around.document);
      const schema = schemas.convert(media["schema"]);
      return typeof schema === "object" ? { ...schema, ...schemas.definitions } : null;
    } catch (cause) {
      if (!(cause instanceof SchemaRefusal)) throw cause;
      this.#notes.push(`Results are not checked. ${cause.message}`);
      return null;
    }
  }
}

/** Why a parameter cannot be sent, or null. */
function parameterRefusal(parameter: JsonObject): string | null {
  const { in: place, style, explode, content } = parameter;
  if (place !== "path" && place !== "query" && place !== "header") return "is sent as a cookie";
  if (content !== undefined) return "has a content type of its own";
  const usual = place === "query" ? "form" : "simple";
  if (style !== undefined && style !== usual) return `has the style ${JSON.stringify(style)}`;
  const schema = parameter["schema"];
  const type = isJsonObject(schema) ? schema["type"] : undefined;
  if (type === "object") return "is an object";
  if (type === "array" && place !== "query") return "is a list";
  if (type === "array" && explode === false) return "is a list in one value";
  return null;
}

function jsonMedia(content: Json | undefined): JsonObject | null {
  if (!isJsonObject(content)) return null;
  const type = Object.keys(content).find((name) => /^application\/([\w.-]+\+)?json\b/i.test(name));
  const media = type === undefined ? undefined : content[type];
  return isJsonObject(media) ? media : null;
}
