/**
 * Fallback: what stands in for an answer that could not be had, flagged `degraded`: a value the tool declares, or another
 * tool (see `assembly/fallback-lanes.ts`).
 *
 * Only for failures of the tool's server, and for calls that were not sent: what is wrong with the call itself, a call that was
 * cancelled and a bug of the gateway stay failures. A write that may have happened is never made in another place.
 */

import { effectExceeds } from "../contract/effect-rules.ts";
import type { Violation } from "../contract/error.ts";
import type { CallErrorCode, CallOutcome } from "../contract/run.ts";
import { type Effect, needsApproval, standInOf, type ToolDefinition } from "../contract/tool.ts";
import { checkOutput } from "./arguments.ts";

/** Tools that may stand in for one after the other. */
export const MAX_STAND_INS = 4;

/** Failures of calls that provably did nothing. */
const NOT_DONE: ReadonlySet<CallErrorCode> = new Set(["rate_limited", "circuit_open", "call_shed"]);

/** Failures of a tool's server. */
const OF_THE_SERVER: ReadonlySet<CallErrorCode> = new Set([
  ...NOT_DONE,
  "tool_timeout",
  "upstream_unreachable",
  "upstream_status",
  "result_invalid",
  "result_too_large",
  "mcp_error",
]);

/** Whether something may stand in for a call with this effect that ended so. */
export function mayFallBack(effect: Effect, { status, error, attempts }: CallOutcome): boolean {
  if (error === undefined || !OF_THE_SERVER.has(error.code)) return false;
  if (!effectExceeds(effect, "read")) return true;
  // An idempotent write is also sent again after an answer that was lost, so only its first refusal says that nothing was done.
  const isCertain = effect === "write" || attempts <= 1;
  return status !== "outcome_unknown" && NOT_DONE.has(error.code) && isCertain;
}

/** The outcome, or the value that stands in for it. */
export function orFallback(definition: ToolDefinition, outcome: CallOutcome): CallOutcome {
  const { fallback, effect } = definition;
  if (fallback === undefined || !("value" in fallback)) return outcome;
  if (!mayFallBack(effect, outcome)) return outcome;
  const { error: _, ...rest } = outcome;
  return { ...rest, status: "degraded", outputJson: JSON.stringify(fallback.value) };
}

/** What speaks against a tool's fallback as far as the tool itself knows. */
export function checkFallback(definition: ToolDefinition): readonly Violation[] {
  const { fallback, effect } = definition;
  if (fallback === undefined) return [];
  if (definition.http === undefined && definition.mcp === undefined)
    return [{ pointer: "/fallback", message: "Only a tool on a server has a fallback." }];
  if ("tool" in fallback) return [];
  const message = "Only a tool with the effect pure or read may have a value as its fallback.";
  if (effectExceeds(effect, "read")) return [{ pointer: "/fallback", message }];
  return checkOutput(definition, fallback.value).map((violation) => ({
    ...violation,
    pointer: `/fallback/value${violation.pointer}`,
  }));
}

/** What speaks against the tool that is to stand in, among the tenant's tools as they are stored now. */
export function checkStandIn(
  name: string,
  definition: ToolDefinition,
  tools: ReadonlyMap<string, ToolDefinition>,
): readonly Violation[] {
  const standIn = standInOf(definition);
  if (standIn === null) return [];
  const other = standIn === name ? definition : tools.get(standIn);
  const complaint =
    other === undefined
      ? `There is no tool "${standIn}".`
      : (circle(name, standIn, tools) ??
        (mayStandIn(other, definition) ? null : `"${standIn}" ${NO_STAND_IN}`));
  return complaint === null ? [] : [{ pointer: "/fallback/tool", message: complaint }];
}

/** Whether `other` may stand in for `first`; asked again at every use, because both may have changed. */
export function mayStandIn(other: ToolDefinition, first: ToolDefinition): boolean {
  const isOne = other.chain === undefined && typeof other.max_uses !== "number";
  const isKept = other.observable !== true || first.observable === true;
  return isOne && isKept && !needsApproval(other) && !effectExceeds(other.effect, first.effect);
}

const NO_STAND_IN =
  "does more than this tool, leaves the zone of trust, is a chain, or has calls that are approved or counted.";

/** The circle that `name` would close, or that there are too many in a row; null when neither. */
function circle(
  name: string,
  standIn: string,
  tools: ReadonlyMap<string, ToolDefinition>,
): string | null {
  const path = [name];
  for (let next: string | null = standIn; next !== null;) {
    path.push(next);
    if (next === name) return `A circle: ${path.join(" → ")}.`;
    if (path.length > MAX_STAND_INS + 1) return `At most ${MAX_STAND_INS} in a row.`;
    const definition: ToolDefinition | undefined = tools.get(next);
    next = definition === undefined ? null : standInOf(definition);
  }
  return null;
}
