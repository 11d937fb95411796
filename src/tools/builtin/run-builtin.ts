/**
 * Tools that run inside the gateway: nothing leaves it, so they have no timeout, cache or connection of their own.
 *
 * A tenant registers one under any name with its own description and `input`; the schemas here say what the tool itself
 * understands, and are what `input` is best set to.
 */

import type { BuiltinTool } from "../../contract/tool.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import type { Result } from "../../platform/result.ts";
import { calculate } from "./calculator.ts";
import { currentTime } from "./current-time.ts";

/** The arguments each built-in tool takes, as JSON Schema. */
export const BUILTIN_INPUT: Readonly<Record<BuiltinTool, JsonObject>> = {
  calculator: {
    type: "object",
    properties: {
      expression: {
        type: "string",
        minLength: 1,
        maxLength: 1000,
        description:
          "Arithmetic such as (2 + 3) * sqrt(16); operators + - * / % ^, functions, pi and e.",
      },
    },
    required: ["expression"],
    additionalProperties: false,
  },
  current_time: {
    type: "object",
    properties: {
      time_zone: {
        type: "string",
        maxLength: 64,
        description: "IANA time zone such as Europe/Paris; UTC when absent.",
      },
    },
    additionalProperties: false,
  },
};

/** Runs a built-in tool; the failure is a sentence about its arguments. */
export function runBuiltin(
  builtin: BuiltinTool,
  values: JsonObject,
  nowMs: number,
): Result<JsonObject, string> {
  switch (builtin) {
    case "calculator": {
      const result = calculate(textArgument(values, "expression"));
      return result.ok ? { ok: true, value: { result: result.value } } : result;
    }
    case "current_time":
      return currentTime(nowMs, textArgument(values, "time_zone") || "UTC");
  }
}

/** A text argument, empty when it is absent or something else: the tool then says what is missing. */
function textArgument(values: JsonObject, name: string): string {
  const value = values[name];
  return typeof value === "string" ? value : "";
}
