/**
 * Fallback: a tool's declared value in place of an answer that could not be had, flagged `degraded`.
 *
 * Only for tools that read, and only for failures of their server: what is wrong with the call itself, a call that was
 * cancelled and a bug of the gateway stay failures.
 */

import type { CallErrorCode, CallOutcome } from "../contract/run.ts";
import { type ToolDefinition } from "../contract/tool.ts";
import type { Violation } from "../contract/error.ts";
import { checkOutput } from "./arguments.ts";

/** Failures of a tool's server. */
const OF_THE_SERVER: ReadonlySet<CallErrorCode> = new Set([
  "tool_timeout",
  "upstream_unreachable",
  "upstream_status",
  "rate_limited",
  "circuit_open",
  "result_invalid",
  "result_too_large",
  "mcp_error",
]);

/** The outcome, or the tool's fallback in its place. */
export function orFallback({ fallback }: ToolDefinition, outcome: CallOutcome): CallOutcome {
  const { error, ...rest } = outcome;
  if (fallback === undefined || error === undefined || !OF_THE_SERVER.has(error.code))
    return outcome;
  return { ...rest, status: "degraded", outputJson: JSON.stringify(fallback.value) };
}

/** What speaks against a tool's fallback. */
export function checkFallback(definition: ToolDefinition): readonly Violation[] {
  const { fallback, effect } = definition;
  if (fallback === undefined) return [];
  const message = "Only a tool with the effect pure or read may have a fallback.";
  if (effect !== "pure" && effect !== "read") return [{ pointer: "/fallback", message }];
  if (definition.http === undefined && definition.mcp === undefined)
    return [{ pointer: "/fallback", message: "Only a tool on a server has a fallback." }];
  return checkOutput(definition, fallback.value).map((violation) => ({
    ...violation,
    pointer: `/fallback/value${violation.pointer}`,
  }));
}
