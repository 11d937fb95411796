/**
 * Turns what a model or a client asked for into calls that can be sent: the tool exists, the arguments are JSON and fit
 * its schema. Nothing is sent here, and nothing that was not checked gets past here.
 */

import type { Violation } from "../contract/error.ts";
import type { CallError, RunRequest } from "../contract/run.ts";
import { needsApproval, type Tool } from "../contract/tool.ts";
import type { PlannedCall, ToolBox } from "../contract/planned-call.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { isJsonObject } from "../platform/canonical-json.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { checkArguments } from "./arguments.ts";
import { MAX_JSON_DEPTH, fitsDepth, parseBoundedJson } from "./bounded-json.ts";
import { wireNames } from "./wire-name.ts";

/** Longest arguments a model may write for one call, in characters. */
export const MAX_ARGUMENTS_LENGTH = 1_048_576;

/** Violations named to the model; it repairs a few and asks again. */
const MAX_NAMED_VIOLATIONS = 10;

/** The tools of one chat run under the names the model sees. */
export function createToolBox(tools: readonly Tool[]): ToolBox {
  const { toWire } = wireNames(tools.map((tool) => tool.name));
  const offers = tools.map((tool) => ({ tool, wireName: toWire.get(tool.name) ?? tool.name }));
  const byWire = new Map(offers.map(({ tool, wireName }) => [wireName, tool]));
  return {
    offered: offers.map(({ tool, wireName }) => ({
      wireName,
      name: tool.name,
      description: tool.definition.description,
      input: tool.definition.input,
      ...(needsApproval(tool.definition) && { needsApproval: true }),
    })),
    plan(id, wireName, argumentsJson) {
      const tool = byWire.get(wireName);
      if (tool === undefined) return refuse("unknown_tool", `There is no tool "${wireName}".`);
      const values = parseArguments(argumentsJson);
      if (!values.ok) return values;
      const violations = checkArguments(tool.definition, values.value, "");
      if (violations.length > 0) return refuse("arguments_invalid", describe(violations));
      return ok(plannedCall(id, tool, values.value));
    },
  };
}

/**
 * Plans the calls of `POST /v1/runs`, or names every mistake of all of them; `pointerPrefix` is where the list stands in
 * the body. Calls without an id become `call_<n>`, counting from 1 by their place and past ids already in use.
 */
export function planCalls(
  tools: readonly Tool[],
  calls: RunRequest["calls"],
  pointerPrefix: string,
): Result<readonly PlannedCall[], readonly Violation[]> {
  const byName = new Map(tools.map((tool) => [tool.name, tool]));
  const given = new Set(calls.flatMap((call) => (call.id === undefined ? [] : [call.id])));
  const seen = new Set<string>();
  const violations: Violation[] = [];
  const planned: PlannedCall[] = [];
  for (const [index, call] of calls.entries()) {
    const pointer = `${pointerPrefix}/${index}`;
    const id = call.id ?? freeId(index + 1, given);
    if (call.id !== undefined && seen.has(call.id)) {
      violations.push({
        pointer: `${pointer}/id`,
        message: "Another call of this run has the same id.",
      });
    }
    seen.add(id);
    const tool = byName.get(call.tool);
    if (tool === undefined) {
      violations.push({ pointer: `${pointer}/tool`, message: `There is no tool "${call.tool}".` });
      continue;
    }
    violations.push(...checkRunArguments(tool, call.arguments, `${pointer}/arguments`));
    planned.push(plannedCall(id, tool, call.arguments));
  }
  return violations.length > 0 ? fail(violations) : ok(planned);
}

function checkRunArguments(tool: Tool, values: JsonObject, pointer: string): readonly Violation[] {
  if (!fitsDepth(values, MAX_JSON_DEPTH)) {
    return [{ pointer, message: `Nests deeper than ${MAX_JSON_DEPTH} levels.` }];
  }
  return checkArguments(tool.definition, values, pointer);
}

/** `call_<n>`, or with a suffix when a call of this run has that id already. */
function freeId(n: number, given: Set<string>): string {
  let id = `call_${n}`;
  for (let suffix = 2; given.has(id); suffix += 1) id = `call_${n}_${suffix}`;
  given.add(id);
  return id;
}

function plannedCall(id: string, tool: Tool, values: JsonObject): PlannedCall {
  const { effect, timeout_ms: timeoutMs, max_parallel: maxParallel } = tool.definition;
  return {
    ...(needsApproval(tool.definition) && { approval: "required" as const }),
    id,
    tool: tool.name,
    arguments: values,
    effect,
    timeoutMs,
    maxParallel: maxParallel ?? null,
    toolVersion: tool.version,
  };
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

/** One line a model can act on: each wrong place with what it must be. */
function describe(violations: readonly Violation[]): string {
  const named = violations
    .slice(0, MAX_NAMED_VIOLATIONS)
    .map(({ pointer, message }) => `${pointer || "/"}: ${message}`);
  const more = violations.length - named.length;
  return `The arguments do not fit the tool's schema. ${named.join(" ")}${more > 0 ? ` (${more} more)` : ""}`;
}
