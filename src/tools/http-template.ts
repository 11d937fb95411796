/**
 * Builds the one request of an `http` tool from its template and a call's arguments.
 *
 * Arguments fill path segments, query values, header values and the body, each encoded for its place; scheme, host and
 * port are the template's own, so no argument can choose where a request goes. Secrets are opened last, once the host
 * is known, each for exactly that host; when one is not to be had, nothing is built.
 */

import type { CallError } from "../contract/run.ts";
import type { HttpTool } from "../contract/tool.ts";
import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import type { UpstreamRequest } from "../upstream/send.ts";
import type { PlacedHttp } from "./http-targets.ts";
import { argumentNames, parseTemplate, parseUrlTemplate } from "./template.ts";

/**
 * Opens a secret of the tenant for one host (with its port where that is not the scheme's own). Null when there is no
 * such secret, it is not bound to exactly that host, or it does not open. Never rejects.
 */
export type OpenSecret = (name: string, host: string) => Promise<string | null>;

/** What goes into every request besides the arguments. */
export interface RequestContext {
  /** BCP 47 tag, sent as `accept-language`. */
  readonly locale: string;
  readonly traceparent: string | null;
}

/** The request, and the secret values in it, which must not come back to anybody. */
export interface BuiltRequest {
  readonly request: UpstreamRequest;
  readonly secrets: readonly string[];
}

/** Characters a header value may hold; anything else would be sent as raw UTF-8 or split the header. */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/;

/** Builds the request; `arguments_invalid` when an argument does not fit its place, `secret_unavailable` as said above. */
export async function buildRequest(
  http: PlacedHttp,
  values: JsonObject,
  context: RequestContext,
  openSecret: OpenSecret,
): Promise<Result<BuiltRequest, CallError>> {
  const target = buildUrl(http, values);
  if (!target.ok) return target;
  const opened = await openSecrets(http, values, target.value.host, openSecret);
  if (!opened.ok) return opened;
  const headers = buildHeaders(http, values, context, opened.value);
  if (!headers.ok) return headers;
  const url = withQuery(target.value, http, values, opened.value);
  if (url === null) return argumentError("query", "holds characters that cannot be sent");
  const body = buildBody(http, values);
  if (body !== null) headers.value["content-type"] ??= "application/json";
  const request: UpstreamRequest = { method: http.method, url, headers: headers.value, body };
  return ok({ request, secrets: [...opened.value.values()] });
}

function argumentError(
  name: string,
  problem: string,
): { readonly ok: false; readonly error: CallError } {
  return fail({ code: "arguments_invalid", message: `The argument "${name}" ${problem}.` });
}

/** The argument's own value, or undefined when it is absent. Names such as `constructor` are arguments like any other. */
function valueOf(values: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

/** True when a query or header template takes part: all its arguments are there and not null. */
function takesPart(template: string, values: JsonObject): boolean {
  return argumentNames(template).every((name) => (valueOf(values, name) ?? null) !== null);
}

/** Text of an argument outside a body: strings as they are, everything else as JSON. */
function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Fills a template whose arguments are all there. */
function fill(template: string, values: JsonObject, secrets: ReadonlyMap<string, string>): string {
  return parseTemplate(template)
    .map((part) => {
      if (part.kind === "text") return part.text;
      return part.kind === "secret"
        ? (secrets.get(part.name) ?? "")
        : textOf(valueOf(values, part.name) ?? null);
    })
    .join("");
}

function buildUrl(http: PlacedHttp, values: JsonObject): Result<URL, CallError> {
  const template = parseUrlTemplate(http.url);
  const segments: string[] = [];
  for (const segment of template?.path.split("/") ?? []) {
    const filled = fillSegment(segment, values);
    if (!filled.ok) return filled;
    segments.push(filled.value);
  }
  const url =
    template === null ? null : URL.parse(template.origin + segments.join("/") + template.search);
  return url === null
    ? fail({ code: "egress_refused", message: "The tool's URL cannot be used." })
    : ok(url);
}

function fillSegment(segment: string, values: JsonObject): Result<string, CallError> {
  let text = "";
  let lastName: string | null = null;
  for (const part of parseTemplate(segment)) {
    if (part.kind !== "argument") {
      text += part.kind === "text" ? part.text : "";
      continue;
    }
    lastName = part.name;
    const value = valueOf(values, part.name);
    if (value === undefined || value === null)
      return argumentError(part.name, "is required by the tool's URL");
    if (typeof value === "object")
      return argumentError(part.name, "cannot be part of a URL: it is not a plain value");
    const plain = String(value);
    if (plain === "") return argumentError(part.name, "cannot be a path segment");
    if (!plain.isWellFormed())
      return argumentError(part.name, "holds characters that cannot be sent");
    text += encodeURIComponent(plain);
  }
  // A URL parser takes these segments, also in their encoded forms, as the way to another path.
  const dots = text.replaceAll(/%2e/gi, ".");
  if (lastName !== null && (dots === "." || dots === ".."))
    return argumentError(lastName, "cannot be a path segment");
  return ok(text);
}

async function openSecrets(
  http: HttpTool,
  values: JsonObject,
  host: string,
  openSecret: OpenSecret,
): Promise<Result<ReadonlyMap<string, string>, CallError>> {
  const opened = new Map<string, string>();
  for (const name of usedSecrets(http, values)) {
    const value = await openSecret(name, host);
    if (value === null) {
      return fail({
        code: "secret_unavailable",
        message: `The secret "${name}" is not available for this tool's host.`,
      });
    }
    opened.set(name, value);
  }
  return ok(opened);
}

/** Names of the secrets in the query and header templates that take part in this call, each once. */
export function usedSecrets(http: HttpTool, values: JsonObject): ReadonlySet<string> {
  const templates = [...Object.values(http.query ?? {}), ...Object.values(http.headers ?? {})];
  const parts = templates.filter((template) => takesPart(template, values)).flatMap(parseTemplate);
  return new Set(parts.flatMap((part) => (part.kind === "secret" ? [part.name] : [])));
}

function buildHeaders(
  http: HttpTool,
  values: JsonObject,
  context: RequestContext,
  secrets: ReadonlyMap<string, string>,
): Result<Record<string, string>, CallError> {
  const headers: Record<string, string> = {
    accept: "application/json",
    "accept-language": context.locale,
    "user-agent": "toolformer-edge",
  };
  if (context.traceparent !== null) headers["traceparent"] = context.traceparent;
  for (const [name, template] of Object.entries(http.headers ?? {})) {
    if (!takesPart(template, values)) continue;
    for (const argument of argumentNames(template)) {
      if (!HEADER_TEXT.test(textOf(valueOf(values, argument) ?? null))) {
        return argumentError(argument, "holds characters that cannot be sent in a header");
      }
    }
    const value = fill(template, values, secrets);
    if (!HEADER_TEXT.test(value)) {
      return fail({
        code: "secret_unavailable",
        message: `A secret of the header "${name}" cannot be sent in a header.`,
      });
    }
    headers[name.toLowerCase()] = value;
  }
  return ok(headers);
}

/** Adds the query templates to the URL's own query, or null when a value is not well-formed text. */
function withQuery(
  url: URL,
  http: HttpTool,
  values: JsonObject,
  secrets: ReadonlyMap<string, string>,
): URL | null {
  const pairs: string[] = [];
  for (const [name, template] of Object.entries(http.query ?? {})) {
    if (!takesPart(template, values)) continue;
    for (const text of queryTexts(template, values, secrets)) {
      if (!text.isWellFormed()) return null;
      pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(text)}`);
    }
  }
  const full = new URL(url);
  full.search = [...(url.search === "" ? [] : [url.search.slice(1)]), ...pairs].join("&");
  return full;
}

/** One text a parameter; a template that is nothing but a list argument repeats the parameter for each item. */
function queryTexts(
  template: string,
  values: JsonObject,
  secrets: ReadonlyMap<string, string>,
): readonly string[] {
  const [part, ...more] = parseTemplate(template);
  const value =
    part?.kind === "argument" && more.length === 0 ? valueOf(values, part.name) : undefined;
  if (value !== undefined && isJsonArray(value)) return value.map(textOf);
  return [fill(template, values, secrets)];
}

function buildBody(http: PlacedHttp, values: JsonObject): string | null {
  const body = bodyTemplate(http);
  if (body === null) return null;
  if (body === "json") return JSON.stringify(unusedArguments(http, values));
  return JSON.stringify(fillBody(body, values));
}

/** The body template with its default: the arguments as JSON for POST, PUT and PATCH, none for GET and DELETE. */
export function bodyTemplate(http: HttpTool): "json" | JsonObject | null {
  if (http.body !== undefined) return http.body;
  return http.method === "GET" || http.method === "DELETE" ? null : "json";
}

function unusedArguments(http: PlacedHttp, values: JsonObject): JsonObject {
  const path = parseUrlTemplate(http.url)?.path ?? "";
  const templates = [
    path,
    ...Object.values(http.query ?? {}),
    ...Object.values(http.headers ?? {}),
  ];
  const used = new Set(templates.flatMap(argumentNames));
  return Object.fromEntries(Object.entries(values).filter(([name]) => !used.has(name)));
}

/** Fills a body template; undefined when the value hangs on an absent argument, so its member or item is left out. */
function fillBody(template: Json, values: JsonObject): Json | undefined {
  if (typeof template === "string") return fillLeaf(template, values);
  if (isJsonArray(template)) {
    return template.map((item) => fillBody(item, values)).filter((item) => item !== undefined);
  }
  if (!isJsonObject(template)) return template;
  const members = Object.entries(template).flatMap(([name, member]) => {
    const filled = fillBody(member, values);
    return filled === undefined ? [] : [[name, filled] as const];
  });
  return Object.fromEntries(members);
}

function fillLeaf(template: string, values: JsonObject): Json | undefined {
  const [part, ...more] = parseTemplate(template);
  if (part?.kind === "argument" && more.length === 0) return valueOf(values, part.name);
  if (argumentNames(template).some((name) => valueOf(values, name) === undefined)) return undefined;
  return fill(template, values, new Map());
}
