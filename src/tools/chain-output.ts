/** The result of a chain: values of its steps, held against the chain's own `output` schema before anybody gets it. */

import type { CallError } from "../contract/run.ts";
import type { ToolDefinition } from "../contract/tool.ts";
import type { Json } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { checkOutput } from "./arguments.ts";

/** `value` as JSON text; an error names the first place that breaks the schema, never the value. */
export function writeChainOutput(
  definition: ToolDefinition | undefined,
  value: Json,
): Result<string, CallError> {
  const [first] = definition === undefined ? [] : checkOutput(definition, value);
  if (first === undefined) return ok(JSON.stringify(value));
  const message = `The chain's result does not fit its output schema: ${first.pointer || "/"}: ${first.message}`;
  return fail({ code: "result_invalid", message });
}
