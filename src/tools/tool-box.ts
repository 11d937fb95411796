/**
 * Turns what a model or a client asked for into calls that can be sent: the tool exists, the arguments are JSON and fit
 * its schema. Nothing is sent here, and nothing that was not checked gets past here. References between calls are read
 * and linked in `orchestration/plan/`, which asks this room what a tool takes.
 */

import { SCHEMA_BROKEN, complaint } from "../contract/call-complaint.ts";
import type { CallableTool, PlannedCall, ToolBox } from "../contract/planned-call.ts";
import type { CallError } from "../contract/run.ts";
import { needsApproval, standInOf, type Tool, type ToolDefinition } from "../contract/tool.ts";
import { type JsonObject, isJsonObject } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { checkArguments } from "./arguments.ts";
import { MAX_JSON_DEPTH, fitsDepth, parseBoundedJson } from "./bounded-json.ts";
import { httpUrls } from "./http-targets.ts";
import { parseUrlTemplate } from "./template.ts";
import { wireNames } from "./wire-name.ts";

/** Longest arguments a model may write for one call, in characters. */
export const MAX_ARGUMENTS_LENGTH = 1_048_576;

/** The tools of one chat run under the names the model sees. */
export function createToolBox(tools: readonly Tool[]): ToolBox {
  const { toWire } = wireNames(tools.map((tool) => tool.name));
  const offers = tools.map((tool) => ({ tool, wireName: toWire.get(tool.name) ?? tool.name }));
  const byWire = new Map(offers.map(({ tool, wireName }) => [wireName, callableTool(tool)]));
  return {
    offered: offers.map(({ tool, wireName }) => ({
      wireName,
      name: tool.name,
      description: tool.definition.description,
      input: tool.definition.input,
      ...(tool.definition.mcp !== undefined && { toolset: tool.definition.mcp.server }),
      ...(needsApproval(tool.definition) && { needsApproval: true }),
    })),
    find: (wireName) => byWire.get(wireName) ?? null,
    parse: parseArguments,
    plan(id, wireName, argumentsJson) {
      const tool = byWire.get(wireName);
      if (tool === undefined) return refuse("unknown_tool", `There is no tool "${wireName}".`);
      const values = parseArguments(argumentsJson);
      if (!values.ok) return values;
      const violations = tool.check(values.value, []);
      if (violations.length > 0)
        return refuse("arguments_invalid", complaint(SCHEMA_BROKEN, violations));
      return ok(tool.call(id, values.value));
    },
  };
}

/** Finds tools by the tenant's names, as planning sees them. */
export function toolFinder(tools: readonly Tool[]): (name: string) => CallableTool | null {
  const byName = new Map(tools.map((tool) => [tool.name, callableTool(tool)]));
  return (name) => byName.get(name) ?? null;
}

/** A tool as planning sees it. */
export function callableTool(tool: Tool): CallableTool {
  const { definition } = tool;
  return {
    name: tool.name,
    input: definition.input,
    output: definition.output ?? null,
    check(values, holes) {
      if (!fitsDepth(values, MAX_JSON_DEPTH))
        return [{ pointer: "", message: `Nests deeper than ${MAX_JSON_DEPTH} levels.` }];
      return checkArguments(definition, values, "", holes);
    },
    call: (id, values) => plannedCall(id, tool, values),
  };
}

function plannedCall(id: string, tool: Tool, values: JsonObject): PlannedCall {
  const { effect, timeout_ms: ownMs, max_parallel: maxParallel, result } = tool.definition;
  // What stands in for it has as much time again.
  const timeoutMs = standInOf(tool.definition) === null ? ownMs : 2 * ownMs;
  return {
    ...(needsApproval(tool.definition) && { approval: "required" as const }),
    id,
    tool: tool.name,
    arguments: values,
    effect,
    timeoutMs,
    maxParallel: maxParallel ?? null,
    ...(result !== undefined && { maxResultTokens: result.max_tokens }),
    ...standing(tool.definition),
    toolVersion: tool.version,
    ...(tool.definition.observable === true && { observable: true }),
    ...(typeof tool.definition.max_uses === "number" && { isCounted: true }),
  };
}

/** What decides when a call of the tool starts when not all can at once. */
function standing({ tags, rate_limit_group: group, priority, http }: ToolDefinition) {
  const hosts = new Set(http === undefined ? [] : httpUrls(http).map(hostOf));
  const [host = null] = hosts;
  return {
    ...(tags !== undefined && { tags }),
    // A call that may go to several hosts is under no host's cap.
    ...(host !== null && hosts.size === 1 && { host }),
    ...(group !== undefined && { group }),
    ...(priority !== undefined && { priority }),
  };
}

/** The scheme's own port is no part of it, whether it is written or not. */
function hostOf(url: string): string | null {
  return URL.parse(parseUrlTemplate(url)?.origin ?? "")?.host ?? null;
}

function parseArguments(text: string): Result<JsonObject, CallError> {
  if (text.length > MAX_ARGUMENTS_LENGTH)
    return refuse("arguments_invalid", "The arguments are too long.");
  // Models write nothing at all for a tool without arguments.
  if (text.trim() === "") return ok({});
  const parsed = parseBoundedJson(text);
  if (!parsed.ok) {
    return parsed.error === "not_json"
      ? refuse("arguments_not_json", "The arguments are not valid JSON.")
      : refuse("arguments_invalid", `The arguments nest deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  if (!isJsonObject(parsed.value))
    return refuse("arguments_invalid", "The arguments must be a JSON object.");
  return ok(parsed.value);
}

function refuse(
  code: "unknown_tool" | "arguments_not_json" | "arguments_invalid",
  message: string,
) {
  return fail<CallError>({ code, message });
}
