/** A call's end as an MCP result: structured content where there is an object, always the text, failures as `isError`. */

import type { Violation } from "../../contract/error.ts";
import type { CallOutcome } from "../../contract/run.ts";
import { outputText } from "../../orchestration/results/output-text.ts";
import { isJsonObject, type Json, type JsonObject } from "../../platform/canonical-json.ts";

/** `CallToolResult`, as far as the gateway makes one. */
export interface ToolResult {
  readonly [field: string]: unknown;
  readonly content: { readonly type: "text"; readonly text: string }[];
  readonly structuredContent?: JsonObject;
  readonly isError?: true;
}

/** The result of a call that was made. */
export function toolResult({ error, status, ...output }: CallOutcome): ToolResult {
  if (error !== undefined) return failed(`${error.message} (${error.code}, ${status})`);
  const text = outputText(output);
  const value: Json = JSON.parse(text);
  const shown = typeof value === "string" ? value : text;
  return {
    content: [{ type: "text", text: shown }],
    ...(isJsonObject(value) && { structuredContent: value }),
  };
}

/** The result of a call that was not made: a model reads what is wrong and asks again. */
export function refusedResult(violations: readonly Violation[]): ToolResult {
  const named = violations.map(({ pointer, message }) => `${place(pointer)}: ${message}`);
  return failed(`The arguments do not fit the tool's schema. ${named.join(" ")}`);
}

/** A pointer into the run that stood for the call, as one into the call's arguments. */
function place(pointer: string): string {
  return pointer.replace(/^\/calls\/0\/arguments/, "") || "/";
}

function failed(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}
