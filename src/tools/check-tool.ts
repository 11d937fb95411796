/**
 * Checks a tool definition when it is registered, beyond what its zod schema can say. All mistakes are named at once,
 * each with its JSON pointer; an empty list means that every call of the tool can at least be built.
 */

import type { Violation } from "../contract/error.ts";
import { pointerMember } from "../contract/parse.ts";
import { RESULT_QUERY } from "../contract/result-query.ts";
import { TOOL_SEARCH } from "../contract/tool-search.ts";
import type { HttpTool, ToolDefinition } from "../contract/tool.ts";
import {
  type Json,
  type JsonObject,
  isJsonArray,
  isJsonObject,
} from "../platform/canonical-json.ts";
import { checkEgress, type EgressOptions } from "../upstream/egress-guard.ts";
import { refuseHeader } from "../upstream/request-headers.ts";
import { BUILTIN_INPUT } from "./builtin/run-builtin.ts";
import { checkFallback } from "./fall-back.ts";
import { checkSchema } from "./check-schema.ts";
import { bodyTemplate } from "./http-template.ts";
import {
  argumentNames,
  hasStrayBraces,
  parseTemplate,
  parseUrlTemplate,
  secretNames,
} from "./template.ts";

/** Headers only the gateway sets. */
const GATEWAY_HEADERS: ReadonlySet<string> = new Set(["traceparent", "tracestate", "baggage"]);

/** Everything that speaks against storing this tool, pointers into the definition. */
export function checkTool(
  name: string,
  definition: ToolDefinition,
  options: EgressOptions,
): readonly Violation[] {
  const { http, builtin, mcp, chain, input, cache } = definition;
  const violations: Violation[] = [...checkName(name)];
  if ([http, builtin, mcp, chain].filter((kind) => kind !== undefined).length !== 1) {
    const message = "Exactly one of http, builtin, mcp and chain is needed.";
    violations.push({ pointer: "", message });
  }
  if (chain !== undefined && cache !== undefined)
    violations.push({ pointer: "/cache", message: "A chain is not cached; its tools may be." });
  violations.push(...checkSchemas(definition), ...checkFallback(definition));
  if (http !== undefined) violations.push(...checkHttp(http, input, options));
  if (builtin !== undefined) violations.push(...checkBuiltin(definition, BUILTIN_INPUT[builtin]));
  return violations;
}

/** What speaks against a tool whatever it does: its name and its schemas. */
export function checkInterface(name: string, definition: ToolDefinition): readonly Violation[] {
  return [...checkName(name), ...checkSchemas(definition)];
}

function checkSchemas({ input, output, effect, cache }: ToolDefinition): readonly Violation[] {
  const violations: Violation[] = [];
  if (input["type"] !== "object")
    violations.push({ pointer: "/input/type", message: 'Must be "object".' });
  violations.push(...checkSchema(input, "/input"));
  if (output !== undefined) violations.push(...checkSchema(output, "/output"));
  if (cache !== undefined && effect !== "pure" && effect !== "read") {
    violations.push({
      pointer: "/cache",
      message: "Only a tool with the effect pure or read may be cached.",
    });
  }
  return violations;
}

/** The name, as providers write it, of a tool the gateway brings itself is not free. */
function checkName(name: string): Violation[] {
  const written = name.replaceAll(/[.:]/g, "_");
  if (written !== RESULT_QUERY && written !== TOOL_SEARCH) return [];
  return [{ pointer: "", message: `"${written}" is the gateway's own tool; take another name.` }];
}

function checkBuiltin({ input, cache }: ToolDefinition, own: JsonObject): Violation[] {
  const offered = propertyNames(input);
  const missing = [...propertyNames(own)].filter((name) => !offered.has(name));
  const violations = missing.map((name) => ({
    pointer: `/input/properties${pointerMember(name)}`,
    message: "The built-in tool takes this argument; declare it.",
  }));
  if (cache !== undefined)
    violations.push({ pointer: "/cache", message: "A built-in tool is not cached." });
  return violations;
}

function checkHttp(http: HttpTool, input: JsonObject, options: EgressOptions): Violation[] {
  const variables = propertyNames(input);
  return [
    ...checkUrls(http, variables, options),
    ...Object.entries(http.query ?? {}).flatMap(([name, template]) =>
      checkText(template, `/http/query${pointerMember(name)}`, variables),
    ),
    ...checkHeaders(http.headers ?? {}, variables),
    ...checkBody(http, variables),
  ];
}

function checkUrls(
  { url, targets }: HttpTool,
  variables: ReadonlySet<string>,
  options: EgressOptions,
): Violation[] {
  if ((url === undefined) === (targets === undefined))
    return [{ pointer: "/http", message: "Exactly one of url and targets is needed." }];
  if (url !== undefined) return checkUrl(url, "/http/url", variables, options);
  return (targets ?? []).flatMap((target, index) =>
    checkUrl(target.url, `/http/targets/${index}/url`, variables, options),
  );
}

function checkUrl(
  url: string,
  pointer: string,
  variables: ReadonlySet<string>,
  options: EgressOptions,
): Violation[] {
  const wrongUrl = (message: string): Violation[] => [{ pointer, message }];
  const template = parseUrlTemplate(url);
  if (template === null) return wrongUrl("Must be an absolute https URL without a fragment.");
  if (/[{}]/.test(template.origin))
    return wrongUrl("Scheme, host and port must be fixed: no variables there.");
  if (/[{}]/.test(template.search)) return wrongUrl("Variables of the query go into http.query.");
  if (secretNames(template.path).length > 0)
    return wrongUrl("Secrets may stand in query and header templates only.");
  const literal = parseTemplate(template.path).flatMap((part) =>
    part.kind === "text" ? [part.text] : [],
  );
  if (/[{}]/.test(literal.join("")))
    return wrongUrl("The path has a brace that belongs to no variable.");
  const filled = template.origin + template.path.replaceAll(/[{}]/g, "") + template.search;
  const allowed = checkEgress(filled, options);
  if (!allowed.ok) return wrongUrl(allowed.error.reason);
  return unknownVariables(template.path, pointer, variables);
}

function checkHeaders(
  headers: Readonly<Record<string, string>>,
  variables: ReadonlySet<string>,
): Violation[] {
  const seen = new Set<string>();
  return Object.entries(headers).flatMap(([name, template]) => {
    const pointer = `/http/headers${pointerMember(name)}`;
    const lower = name.toLowerCase();
    const violations = checkText(template, pointer, variables);
    // What stands for a secret or an argument is checked when it is known; the rest must be sendable as it is.
    const literal = parseTemplate(template).map((part) => (part.kind === "text" ? part.text : ""));
    const refusal = GATEWAY_HEADERS.has(lower)
      ? "The gateway sets this header."
      : refuseHeader(name, literal.join(""));
    if (refusal !== null) violations.push({ pointer, message: refusal });
    if (seen.has(lower)) violations.push({ pointer, message: "The header is named twice." });
    seen.add(lower);
    return violations;
  });
}

function checkText(template: string, pointer: string, variables: ReadonlySet<string>): Violation[] {
  const violations = unknownVariables(template, pointer, variables);
  if (hasStrayBraces(template)) {
    violations.push({ pointer, message: "Double braces are for {{secret.name}} only." });
  }
  return violations;
}

function checkBody(http: HttpTool, variables: ReadonlySet<string>): Violation[] {
  const pointer = "/http/body";
  const body = bodyTemplate(http);
  if (body === null) return [];
  if (http.method === "GET") return [{ pointer, message: "A GET request has no body." }];
  if (body === "json") {
    return http.method === "DELETE"
      ? [{ pointer, message: "The body of a DELETE request must be a template." }]
      : [];
  }
  return checkBodyTemplate(body, pointer, variables);
}

function checkBodyTemplate(
  template: Json,
  pointer: string,
  variables: ReadonlySet<string>,
): Violation[] {
  if (typeof template === "string") {
    const violations = unknownVariables(template, pointer, variables);
    if (secretNames(template).length > 0) {
      violations.push({
        pointer,
        message: "Secrets may stand in query and header templates only.",
      });
    }
    return violations;
  }
  if (isJsonArray(template)) {
    return template.flatMap((item, index) =>
      checkBodyTemplate(item, `${pointer}/${index}`, variables),
    );
  }
  if (!isJsonObject(template)) return [];
  return Object.entries(template).flatMap(([name, member]) =>
    checkBodyTemplate(member, pointer + pointerMember(name), variables),
  );
}

function unknownVariables(
  template: string,
  pointer: string,
  variables: ReadonlySet<string>,
): Violation[] {
  const unknown = new Set(argumentNames(template).filter((name) => !variables.has(name)));
  return [...unknown].map((name) => ({
    pointer,
    message: `The variable {${name}} is no property of input.`,
  }));
}

function propertyNames(input: JsonObject): ReadonlySet<string> {
  const properties = input["properties"];
  return new Set(isJsonObject(properties) ? Object.keys(properties) : []);
}
