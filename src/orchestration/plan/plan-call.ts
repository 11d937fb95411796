/** Plans a single call that a run makes by itself: of a scorer, an aggregator, or a step of a chain. */

import { complaint, SCHEMA_BROKEN } from "../../contract/call-complaint.ts";
import type { CallableTool, PlannedCall } from "../../contract/planned-call.ts";
import type { CallError } from "../../contract/run.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";

/** Finds a tool by the tenant's name; null when the caller may not use one of that name. */
export type FindTool = (tool: string) => CallableTool | null;

/** The call, or why it cannot be made: the tool is unknown, or `values` do not fit it. Nothing is sent. */
export function planCall(
  find: FindTool,
  id: string,
  name: string,
  values: JsonObject,
): Result<PlannedCall, CallError> {
  const tool = find(name);
  if (tool === null) return fail({ code: "unknown_tool", message: `There is no tool "${name}".` });
  const violations = tool.check(values, []);
  if (violations.length === 0) return ok(tool.call(id, values));
  return fail({ code: "arguments_invalid", message: complaint(SCHEMA_BROKEN, violations) });
}
