/**
 * One call of a chain's step, attempt by attempt.
 *
 * A call is tried again only when its tool is `pure` or `read` and its failure may pass: a timeout, a rate limit, an
 * error or an unreachable server. The pause before attempt n + 1 is what the tool asked for, else 100 ms · 2^(n-1), at
 * most two seconds (exponential back-off, RFC 9110 §10.2.3 for the former).
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallError, CallErrorCode, CallResult, CallStatus } from "../../contract/run.ts";

/** Why a step has no result. */
export interface StepFailure {
  readonly status: CallStatus;
  readonly error: CallError;
}

/** Longest pause between two attempts, in milliseconds. */
const MAX_PAUSE_MS = 2_000;
const FIRST_PAUSE_MS = 100;

const PASSING: ReadonlySet<CallErrorCode> = new Set([
  "tool_timeout",
  "rate_limited",
  "upstream_status",
  "upstream_unreachable",
  "result_invalid",
]);

/** The pause before another attempt, or null when there must be none. `attempt` counts from 1. */
export function pauseBeforeRetry(
  call: PlannedCall,
  result: CallResult,
  attempt: number,
  maxAttempts: number,
): number | null {
  const isRepeatable = call.effect === "pure" || call.effect === "read";
  const { error } = result;
  if (!isRepeatable || attempt >= maxAttempts || error === undefined || !PASSING.has(error.code))
    return null;
  return Math.min(MAX_PAUSE_MS, error.retry_after_ms ?? FIRST_PAUSE_MS * 2 ** (attempt - 1));
}

/** The result as a failure that names its step. */
export function failureOf(step: string, { status, error }: CallResult): StepFailure {
  const message = error?.message ?? "It did not succeed.";
  return {
    status,
    error: { ...error, code: error?.code ?? "internal", message: say(step, message) },
  };
}

/** A step that failed without a call. */
export function stepFailure(step: string, { code, message }: CallError): StepFailure {
  return { status: "failed", error: { code, message: say(step, message) } };
}

function say(step: string, message: string): string {
  return `Step "${step}": ${message}`;
}
