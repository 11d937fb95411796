/**
 * Tools out of an OpenAPI document: one for each selected operation, or the reason why there is none.
 *
 * Pure and bounded; nothing is fetched and nothing stored here. Two operations of one name both stay out, because
 * whichever came first would decide what a model calls.
 */

import type { Violation } from "../../contract/error.ts";
import type { OpenApiImport } from "../../contract/openapi-import.ts";
import type { ToolDefinition } from "../../contract/tool.ts";
import { type JsonObject, isJsonArray, isJsonObject } from "../../platform/canonical-json.ts";
import { type Result, fail, ok } from "../../platform/result.ts";
import { checkEgress, type EgressOptions } from "../../upstream/egress-guard.ts";
import { checkTool } from "../check-tool.ts";
import { operationTool } from "./operation-tool.ts";
import { readDocument, type FoundOperation } from "./read-document.ts";

/** Tools one import may make: as many as a tenant may have. */
export const MAX_IMPORTED = 256;

/** A tool that can be stored. */
export interface ImportedTool {
  readonly name: string;
  readonly operation: string;
  readonly definition: ToolDefinition;
  /** What of the operation is not taken over. */
  readonly notes: readonly string[];
}

/** An operation without a tool. */
export interface LeftOut {
  readonly operation: string;
  /** Where it stands in the document. */
  readonly pointer: string;
  readonly message: string;
}

/** What a document makes. */
export interface Import {
  readonly tools: readonly ImportedTool[];
  readonly unsupported: readonly LeftOut[];
}

/** The tools of a document; `baseUrl` is where it was fetched from, null when it was sent. */
export function importTools(
  root: JsonObject,
  wanted: OpenApiImport,
  baseUrl: string | null,
  options: EgressOptions,
): Result<Import, readonly Violation[]> {
  const document = readDocument(root, "/openapi");
  if (!document.ok) return document;
  const server = serverOf(root, wanted.server, baseUrl, options);
  if (!server.ok) return fail([server.error]);
  const selected = document.value.operations.filter((found) => isSelected(found, wanted.select));
  if (selected.length > MAX_IMPORTED) {
    const message = `The document has ${selected.length} selected operations; at most ${MAX_IMPORTED} can be imported at once.`;
    return fail([{ pointer: "/select", message }]);
  }
  const around = {
    document: document.value,
    server: server.value,
    secretOf: (scheme: string) => wanted.secrets?.[scheme] ?? secretName(scheme),
  };
  const counts = new Map<string, number>();
  for (const found of selected) {
    const name = toolName(found, wanted.prefix);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const tools: ImportedTool[] = [];
  const unsupported: LeftOut[] = [];
  for (const found of selected) {
    const operation = `${found.method} ${found.path}`;
    const name = toolName(found, wanted.prefix);
    const leave = (message: string) =>
      unsupported.push({ operation, pointer: found.pointer, message });
    if ((counts.get(name) ?? 0) > 1) {
      leave(`Another operation would have the name "${name}" too.`);
      continue;
    }
    const made = operationTool(found, around);
    if (!made.ok) {
      leave(made.error);
      continue;
    }
    const { definition, notes } = withUsableOutput(name, made.value, options);
    const [violation] = checkTool(name, definition, options);
    if (violation === undefined) tools.push({ name, operation, definition, notes });
    else leave(`${violation.pointer}: ${violation.message}`);
  }
  return ok({ tools, unsupported });
}

/** An output schema that cannot be checked is no reason to go without the tool. */
function withUsableOutput(
  name: string,
  made: { readonly definition: ToolDefinition; readonly notes: readonly string[] },
  options: EgressOptions,
) {
  const wrong = checkTool(name, made.definition, options).find(({ pointer }) =>
    pointer.startsWith("/output"),
  );
  if (wrong === undefined) return made;
  const { output: _output, ...definition } = made.definition;
  const note = `Results are not checked: ${wrong.pointer}: ${wrong.message}`;
  return { definition, notes: [...made.notes, note] };
}

/** The operation's own id, or its method and path, in the letters a tool's name may have. */
function toolName({ method, path, operation }: FoundOperation, prefix = ""): string {
  const id = operation["operationId"];
  const words = typeof id === "string" && id !== "" ? id : `${method.toLowerCase()}${path}`;
  const plain = words.replaceAll(/[^A-Za-z0-9_.:-]+/g, "_").replaceAll(/^_+|_+$/g, "");
  return (prefix + plain).slice(0, 64);
}

/** A scheme's name as a secret's. */
function secretName(scheme: string): string {
  const plain = scheme.toLowerCase().replaceAll(/[^a-z0-9_-]+/g, "_");
  return plain.replace(/^[_-]+/, "").slice(0, 64) || "secret";
}

function isSelected({ method, path, operation }: FoundOperation, select: OpenApiImport["select"]) {
  if (select === undefined) return true;
  const { operations, tags } = select;
  const id = operation["operationId"];
  const isNamed =
    operations === undefined ||
    operations.includes(`${method} ${path}`) ||
    (typeof id === "string" && operations.includes(id));
  const own = operation["tags"];
  const hasTag =
    tags === undefined ||
    (own !== undefined &&
      isJsonArray(own) &&
      own.some((tag) => typeof tag === "string" && tags.includes(tag)));
  return isNamed && hasTag;
}

/** The API's base URL: the one asked for, else the document's first server with its variables' defaults. */
function serverOf(
  root: JsonObject,
  asked: string | undefined,
  baseUrl: string | null,
  options: EgressOptions,
): Result<string, Violation> {
  const pointer = asked === undefined ? "/openapi/servers/0/url" : "/server";
  const url = asked ?? documentServer(root);
  const absolute = url === null ? null : URL.parse(url, baseUrl ?? undefined);
  if (absolute === null || url === null) {
    return fail({ pointer, message: "The document names no absolute server; say which one." });
  }
  const text = `${absolute.origin}${absolute.pathname}`.replace(/\/+$/, "");
  const checked = checkEgress(text, options);
  return checked.ok ? ok(text) : fail({ pointer, message: checked.error.reason });
}

function documentServer(root: JsonObject): string | null {
  const { servers } = root;
  const first = servers !== undefined && isJsonArray(servers) ? servers[0] : undefined;
  if (!isJsonObject(first) || typeof first["url"] !== "string") return null;
  const variables = isJsonObject(first["variables"]) ? first["variables"] : {};
  return first["url"].replaceAll(/\{([^{}]{1,64})\}/g, (whole, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    const value = isJsonObject(variable) ? variable["default"] : undefined;
    return typeof value === "string" ? value : whole;
  });
}
