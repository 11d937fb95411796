/**
 * Writes `src/edge/openapi.generated.json`: OpenAPI 3.1 from the route table and the schemas that validate.
 *
 *   node scripts/openapi.ts           writes the document
 *   node scripts/openapi.ts --check   fails when the stored one is not what would be written
 *
 * It is made here, not in the Worker: `docs/decisions/openapi.md` has the figures.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { argv, exit } from "node:process";
import { fileURLToPath } from "node:url";

import * as z from "zod/mini";

import { ROUTE_TABLE, type RouteEntry } from "../src/contract/route-table.ts";
import { ROUTE_SUMMARIES } from "./route-summaries.ts";

const PATH = fileURLToPath(new URL("../src/edge/openapi.generated.json", import.meta.url));
const JSON_BODY = "application/json";

type Body = NonNullable<RouteEntry["body"]>;

const PROBLEM = {
  type: "object",
  required: ["type", "title", "status", "code", "detail", "instance"],
  properties: {
    type: { type: "string", format: "uri" },
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    detail: { type: "string" },
    instance: { type: "string" },
    retry_after_ms: { type: "integer" },
    violations: {
      type: "array",
      items: {
        type: "object",
        required: ["pointer", "message"],
        properties: { pointer: { type: "string" }, message: { type: "string" } },
      },
    },
  },
};

const OPENAI_ERROR = {
  type: "object",
  required: ["error"],
  properties: {
    error: {
      type: "object",
      required: ["message", "type", "param", "code"],
      properties: {
        message: { type: "string" },
        type: { type: "string" },
        param: { type: ["string", "null"] },
        code: { type: "string" },
      },
    },
  },
};

/** Anthropic's error envelope, as `src/edge/anthropic-error.ts` writes it. */
const ANTHROPIC_ERROR = {
  type: "object",
  required: ["type", "error", "request_id"],
  properties: {
    type: { const: "error" },
    error: {
      type: "object",
      required: ["type", "message", "details"],
      properties: {
        type: { type: "string" },
        message: { type: "string" },
        details: { type: "object", properties: { error_code: { type: "string" } } },
      },
    },
    request_id: { type: "string" },
  },
};

/** The whole document. */
function openApiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  const schemas: Record<string, object> = {
    Problem: PROBLEM,
    OpenAIError: OPENAI_ERROR,
    AnthropicError: ANTHROPIC_ERROR,
  };
  for (const route of ROUTE_TABLE) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
    if (route.body !== undefined) schemas[schemaName(route.body)] = bodySchema(route.body, schemas);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Toolformer Edge",
      version: "1",
      description:
        "An LLM gateway that runs the tools: OpenAI's API in, the tenant's tools run in parallel, one answer out.",
    },
    paths,
    components: {
      schemas,
      securitySchemes: { key: { type: "http", scheme: "bearer", bearerFormat: "tfe_…" } },
    },
  };
}

function operation(route: RouteEntry): object {
  const error = errorContent(route.path);
  return {
    summary: summaryOf(route),
    operationId: operationId(route),
    ...(route.scopes.length === 0
      ? { security: [] }
      : { security: [{ key: [] }], "x-scopes": route.scopes.join(" or ") }),
    ...parameters(route),
    ...(route.body !== undefined && { requestBody: requestBody(route.body) }),
    responses: {
      [route.status]: { description: "Success." },
      default: { description: "An error.", ...error },
    },
  };
}

function summaryOf({ method, path }: RouteEntry): string {
  const summary = ROUTE_SUMMARIES[`${method} ${path}`];
  if (summary === undefined)
    throw new Error(`${method} ${path} has no line in scripts/route-summaries.ts`);
  return summary;
}

function parameters({ path, isList }: RouteEntry): object {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery =
    isList === true
      ? [
          {
            name: "limit",
            in: "query",
            schema: { type: "integer", minimum: 1, maximum: 100, default: 20 },
          },
          { name: "after", in: "query", schema: { type: "string" } },
        ]
      : [];
  const all = [...inPath, ...inQuery];
  return all.length === 0 ? {} : { parameters: all };
}

function requestBody(body: Body): object {
  const description = `A merge patch (RFC 7396) of ${body.name}.`;
  return {
    ...(body.isPatch === true && { description }),
    required: true,
    content: { [JSON_BODY]: { schema: reference(schemaName(body)) } },
  };
}

function schemaName({ name, isPatch }: Body): string {
  return isPatch === true ? `${name}Patch` : name;
}

/**
 * The body's schema. A merge patch leaves out what it does not change, so nothing of it is required at any depth. The
 * only definition zod makes by itself is "any JSON value"; it moves to the components, where its references can find it.
 */
function bodySchema({ schema, isPatch }: Body, schemas: Record<string, object>): object {
  const {
    $schema: _,
    $defs = {},
    ...rest
  } = z.toJSONSchema(schema, {
    io: "input",
    override: (context) => {
      if (isPatch === true) delete context.jsonSchema.required;
    },
  });
  for (const [name, definition] of Object.entries($defs)) {
    if (!name.startsWith("__schema")) throw new Error(`${name} has no place in the document`);
    schemas["AnyJson"] = withAnyJson(definition);
  }
  return withAnyJson(rest);
}

function withAnyJson(schema: object): object {
  const text = JSON.stringify(schema).replaceAll(
    /#\/\$defs\/__schema\d+/g,
    "#/components/schemas/AnyJson",
  );
  const copy: object = JSON.parse(text);
  return copy;
}

function operationId({ method, path }: RouteEntry): string {
  const words = path.split(/[/_.-]/).filter((word) => word !== "" && word !== "v1");
  return [method.toLowerCase(), ...words.map((word) => word.replace(":", "by-"))].join("-");
}

/** Errors come in the envelope of the protocol that the path's clients speak. */
function errorContent(path: string): object {
  const isOf = (root: string) => path === root || path.startsWith(`${root}/`);
  const isOpenAI = ["/v1/chat/completions", "/v1/responses", "/v1/models"].some(isOf);
  const envelope = isOpenAI ? "OpenAIError" : isOf("/v1/messages") ? "AnthropicError" : null;
  return envelope === null
    ? { content: { "application/problem+json": { schema: reference("Problem") } } }
    : { content: { [JSON_BODY]: { schema: reference(envelope) } } };
}

function reference(name: string): object {
  return { $ref: `#/components/schemas/${name}` };
}

const document = openApiDocument();
if (argv.includes("--check")) {
  const stored: unknown = JSON.parse(readFileSync(PATH, "utf8"));
  if (JSON.stringify(stored) !== JSON.stringify(document)) {
    console.error("src/edge/openapi.generated.json is stale: run node scripts/openapi.ts");
    exit(1);
  }
} else writeFileSync(PATH, `${JSON.stringify(document, null, 2)}\n`);
