/**
 * Runs one call of a tool that is a function. A function that ignores its signal is left behind when its time is over: a
 * late answer is dropped, and nobody waits for it.
 */

import type { CallError, CallOutcome } from "../contract/run.ts";
import type { Clock, PlannedCall } from "../orchestration/ports.ts";
import { createStop } from "../orchestration/stop.ts";
import { platformSignal } from "../platform/abort.ts";
import type { Json } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { checkOutput } from "../tools/arguments.ts";
import { fitsDepth, MAX_JSON_DEPTH } from "../tools/bounded-json.ts";
import { classifyFailure, ended } from "../tools/call-outcome.ts";
import { MAX_RESULT_BYTES } from "../tools/execute-call.ts";
import { type DefinedTool, type HandlerContext, ToolFailure } from "./define-tool.ts";

/** Longest message of a `ToolFailure` that is handed on. */
export const MAX_FAILURE_TEXT = 1_000;

/** What running handlers needs. */
export interface HandlerPorts {
  readonly clock: Clock;
  /** Told what a handler threw that was no `ToolFailure`. */
  readonly onFault: (fault: unknown) => void;
}

/** Runs `call` within `timeoutMs`. Never rejects. */
export async function runHandler(
  { definition, handle }: DefinedTool,
  call: PlannedCall,
  { clock, onFault }: HandlerPorts,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CallOutcome> {
  const stop = createStop(clock, clock.now() + timeoutMs, signal);
  const { id: callId, idempotencyKey } = call;
  const context: HandlerContext = {
    callId,
    signal: platformSignal(stop.signal),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  try {
    const answered = await stop.race(answer(handle, call, context));
    if (!answered.ok) {
      const kind = answered.error === "deadline" ? "timeout" : "aborted";
      return { ...classifyFailure(call, { kind, sent: true }), cache: "bypass", attempts: 1 };
    }
    const written = writeOutput(definition, answered.value);
    if (!written.ok) return ended("failed", written.error, 1);
    return { status: "succeeded", outputJson: written.value, cache: "bypass", attempts: 1 };
  } catch (fault) {
    if (!(fault instanceof ToolFailure)) onFault(fault);
    return ended("failed", { code: "tool_error", message: messageOf(fault) }, 1);
  } finally {
    stop.release();
  }
}

/** In a function of its own, so that a handler that throws at once is a rejection like any other. */
async function answer(
  handle: DefinedTool["handle"],
  call: PlannedCall,
  context: HandlerContext,
): Promise<unknown> {
  return handle?.(call.arguments, context);
}

function writeOutput(
  definition: DefinedTool["definition"],
  value: unknown,
): Result<string, CallError> {
  const text = jsonOf(value);
  if (text === null)
    return fail({
      code: "result_invalid",
      message: "The tool's answer cannot be written as JSON.",
    });
  if (text.length > MAX_RESULT_BYTES) {
    const message = `The tool's answer is larger than ${MAX_RESULT_BYTES} bytes.`;
    return fail({ code: "result_too_large", message });
  }
  // As whoever reads the result will see it: without what JSON cannot say.
  const written: Json = JSON.parse(text);
  if (!fitsDepth(written, MAX_JSON_DEPTH)) {
    const message = `The tool's answer nests deeper than ${MAX_JSON_DEPTH} levels.`;
    return fail({ code: "result_invalid", message });
  }
  const [violation] = checkOutput(definition, written);
  if (violation === undefined) return ok(text);
  const message = `The tool's answer breaks its output schema. ${violation.pointer || "/"}: ${violation.message}`;
  return fail({ code: "result_invalid", message });
}

/** Null for what JSON cannot hold: a circle, a bigint, a `toJSON` that throws. */
function jsonOf(value: unknown): string | null {
  try {
    // `undefined` and functions have no JSON of their own; an answer of nothing is null.
    return JSON.stringify(value) ?? "null";
  } catch {
    return null;
  }
}

function messageOf(fault: unknown): string {
  return fault instanceof ToolFailure
    ? fault.message.slice(0, MAX_FAILURE_TEXT)
    : "The tool failed.";
}
