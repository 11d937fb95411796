/**
 * A tool box whose calls may refer to each other's results: what it offers takes references and labels, and what it plans
 * says which are there. Linking them is the turn's business (plan-turn.ts), because only a turn knows its other calls.
 *
 * A call that needs approval may not refer to anything: nobody can approve of arguments that are not known yet.
 */

import { SCHEMA_BROKEN, complaint } from "../../contract/call-complaint.ts";
import { CALL_LABEL } from "../../contract/names.ts";
import type {
  CallableTool,
  OfferedTool,
  PlannedCall,
  ToolBox,
} from "../../contract/planned-call.ts";
import type { CallError } from "../../contract/run.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { describeResult } from "./describe-result.ts";
import { instructModel } from "./instruct-model.ts";
import { checkRead, readReferences } from "./read-references.ts";
import { hasLabel, LABEL_FIELD, widenSchema } from "./widen-schema.ts";

/**
 * `box` with references. When `isOffered` is false the model sees the tools as they are, and only what it still writes of
 * its own accord, or wrote before, is understood.
 */
export function referenceBox(box: ToolBox, isOffered: boolean): ToolBox {
  return {
    ...box,
    ...(isOffered && box.offered.length > 0 && { instruct: instructModel }),
    offered: isOffered ? box.offered.map((tool) => offer(tool, box)) : box.offered,
    plan(id, wireName, argumentsJson) {
      const tool = box.find(wireName);
      if (tool === null) return box.plan(id, wireName, argumentsJson);
      const written = box.parse(argumentsJson);
      return written.ok ? planCall(id, tool, written.value) : written;
    },
  };
}

function offer(tool: OfferedTool, box: ToolBox): OfferedTool {
  const output = box.find(tool.wireName)?.output ?? null;
  const shape = output === null ? "" : describeResult(output);
  return {
    ...tool,
    description: shape === "" ? tool.description : `${tool.description}\nResult: ${shape}`,
    input: widenSchema(tool.input),
  };
}

function planCall(
  id: string,
  tool: CallableTool,
  written: JsonObject,
): Result<PlannedCall, CallError> {
  const { label, values } = takeLabel(tool, written);
  if (label !== undefined && !CALL_LABEL.test(label)) {
    const message = `/${LABEL_FIELD}: Must be 1 to 64 letters, digits or any of "_.:-".`;
    return fail({ code: "arguments_invalid", message });
  }
  const read = readReferences(values);
  if (read.violations.length > 0) return fail(referenceError(read.violations));
  const violations = checkRead(read, tool);
  if (violations.length > 0) {
    const message = complaint(SCHEMA_BROKEN, violations);
    return fail({ code: "arguments_invalid", message });
  }
  const call = tool.call(id, read.values);
  const { references } = read;
  if (references.length > 0 && call.approval === "required") {
    const message = `A call of "${tool.name}" needs approval, so its arguments must be written out.`;
    return fail({ code: "reference_invalid", message });
  }
  return ok({
    ...call,
    ...(label !== undefined && { label }),
    ...(references.length > 0 && { references }),
  });
}

/** References that cannot be followed, as an error its author can act on. */
export function referenceError(violations: Parameters<typeof complaint>[1]): CallError {
  const message = complaint("The arguments refer to a result that cannot be used.", violations);
  return { code: "reference_invalid", message };
}

/** The label of a call and its arguments without it; a label that is no text is an argument like any other. */
export function takeLabel(
  tool: CallableTool,
  written: JsonObject,
): { readonly label?: string; readonly values: JsonObject } {
  const { [LABEL_FIELD]: label, ...values } = written;
  return typeof label === "string" && hasLabel(tool.input)
    ? { label, values }
    : { values: written };
}
