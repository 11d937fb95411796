/**
 * Which tools a response offers to the model, and which calls it asks about: the request's `tools` and `tool_choice`.
 *
 * Functions are the client's own. An `mcp` entry names a toolset of the gateway by its label: once a request names
 * toolsets, only those are offered, `allowed_tools` narrows one, and `require_approval` may add to what the tools
 * themselves ask for, never take away. Tools a provider would host are refused: the gateway speaks to models in a form
 * that has none. A list of allowed tools is kept by offering nothing else, whatever the provider understands.
 */

import type { Violation } from "../../contract/error.ts";
import type { ResponseRequest, ResponseTool, ResponseToolChoice } from "../../contract/response.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";

/** Label of the tenant's own tools; those of an MCP server carry that server's. */
export const OWN_TOOLSET = "gateway";

/** A tool of the gateway with the toolset it belongs to. */
export interface LabelledTool {
  readonly name: string;
  readonly wireName: string;
  readonly toolset: string;
}

/** The tools of one response. */
export interface ChosenTools {
  /** Names of the gateway's tools that are offered. */
  readonly offered: ReadonlySet<string>;
  /** Those of them whose calls this request wants to be asked about. */
  readonly asked: ReadonlySet<string>;
  /** The client's functions in the chat form. */
  readonly functions: readonly JsonObject[];
  /** `tool_choice` in the chat form; absent: the model decides. */
  readonly choice?: Json;
}

/** Chooses among the gateway's `tools`; every entry that cannot be carried out is named. */
export function chooseTools(
  request: Pick<ResponseRequest, "tools" | "tool_choice">,
  tools: readonly LabelledTool[],
): Result<ChosenTools, readonly Violation[]> {
  const violations: Violation[] = [];
  const functions: JsonObject[] = [];
  const named = new Map<string, ResponseTool>();
  for (const [index, tool] of (request.tools ?? []).entries()) {
    const refused = readTool(tool, tools, functions, named);
    if (refused !== null)
      violations.push({ ...refused, pointer: `/tools/${index}${refused.pointer}` });
  }
  const byLabel = (tool: LabelledTool) => named.get(tool.toolset);
  const offered = tools.filter((tool) => named.size === 0 || isAllowed(byLabel(tool), tool.name));
  const asked = offered.filter((tool) => asksFor(byLabel(tool), tool.name));
  const narrowed = narrow(request.tool_choice ?? null, offered, functions);
  if (!narrowed.ok) violations.push(narrowed.error);
  if (violations.length > 0 || !narrowed.ok) return fail(violations);
  return ok({
    ...narrowed.value,
    asked: new Set(asked.map(({ name }) => name)),
  });
}

function readTool(
  tool: ResponseTool,
  tools: readonly LabelledTool[],
  functions: JsonObject[],
  named: Map<string, ResponseTool>,
): Violation | null {
  const { type, name } = tool;
  if (type === "function") {
    if (name === undefined) return { pointer: "/name", message: "Must be given." };
    functions.push(asFunction(tool, name));
    return null;
  }
  if (type !== "mcp") {
    const message = `The gateway cannot run ${JSON.stringify(type)}; it offers its own tools and takes your functions.`;
    return { pointer: "/type", message };
  }
  const label = tool.server_label ?? "";
  if (!tools.some(({ toolset }) => toolset === label)) {
    const message = `There is no toolset ${JSON.stringify(label)}; the gateway reaches no server that is not registered with it.`;
    return { pointer: "/server_label", message };
  }
  if (named.has(label)) return { pointer: "/server_label", message: "The toolset is named twice." };
  named.set(label, tool);
  return null;
}

function asFunction({ description, parameters, strict }: ResponseTool, name: string): JsonObject {
  return {
    type: "function",
    function: {
      name,
      ...(typeof description === "string" && { description }),
      ...(isJsonObject(parameters) && { parameters }),
      ...(typeof strict === "boolean" && { strict }),
    },
  };
}

function isAllowed(entry: ResponseTool | undefined, name: string): boolean {
  if (entry === undefined) return false;
  const allowed = entry.allowed_tools ?? null;
  if (allowed === null) return true;
  return (isList(allowed) ? allowed : (allowed.tool_names ?? [])).includes(name);
}

function isList(value: object): value is readonly string[] {
  return Array.isArray(value);
}

function asksFor(entry: ResponseTool | undefined, name: string): boolean {
  const asked = entry?.require_approval ?? "never";
  if (typeof asked === "string") return asked === "always";
  return asked.always?.tool_names?.includes(name) ?? false;
}

type Narrowed = Pick<ChosenTools, "offered" | "functions" | "choice">;

/** What a tool choice leaves of the tools. */
function narrow(
  choice: ResponseToolChoice | null,
  offered: readonly LabelledTool[],
  functions: readonly JsonObject[],
): Result<Narrowed, Violation> {
  const all = { offered: new Set(offered.map(({ name }) => name)), functions };
  if (choice === null) return ok(all);
  if (typeof choice === "string") return ok({ ...all, choice });
  const wanted = choice.type === "allowed_tools" ? (choice.tools ?? []) : [choice];
  const own = functions.filter((tool) =>
    wanted.some((one) => one.type === "function" && one.name === functionName(tool)),
  );
  const gateways = offered.filter((tool) =>
    wanted.some((one) =>
      one.type === "mcp"
        ? one.server_label === tool.toolset && (one.name ?? tool.name) === tool.name
        : one.type === "function" && one.name === tool.name,
    ),
  );
  if (own.length + gateways.length === 0)
    return fail({ pointer: "/tool_choice", message: "Names no tool of this request." });
  const [first] = [...gateways.map(({ wireName }) => wireName), ...own.map(functionName)];
  if (choice.type !== "allowed_tools" && own.length + gateways.length === 1)
    return ok({ ...all, choice: { type: "function", function: { name: first ?? "" } } });
  const mode = choice.type === "allowed_tools" ? (choice.mode ?? "auto") : "required";
  return ok({ offered: new Set(gateways.map(({ name }) => name)), functions: own, choice: mode });
}

function functionName(tool: JsonObject): string {
  const inner = tool["function"];
  const name = isJsonObject(inner) ? inner["name"] : "";
  return typeof name === "string" ? name : "";
}
