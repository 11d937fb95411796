/**
 * What became of a call, whichever kind of tool it was: from failures of its request to the statuses a caller sees.
 *
 * The effect decides what a lost answer means: a read has failed, a write may have happened and says so
 * (`outcome_unknown`). Messages name codes and statuses, never what the tool sent.
 */

import type { PlannedCall } from "../contract/planned-call.ts";
import type { CallError, CallOutcome, CallStatus } from "../contract/run.ts";
import type { GuardFailure } from "../resilience/guard.ts";
import type { UpstreamFailure } from "../upstream/failure.ts";

/** When it is worth asking again after having been turned away. */
const SHED_RETRY_MS = 1_000;

/** Why an attempt brought no answer. */
export type AttemptFailure = UpstreamFailure | GuardFailure;

/** How a call ended, before its cache and its attempts are told. */
export type Classified = Pick<CallOutcome, "status" | "outputJson" | "error">;

/** An end with its reason. */
type Refused = Classified & { readonly error: CallError };

/** What an error status (400 or above) of a tool server means. */
export function classifyStatus(status: number, retryAfterMs: number | null): Refused {
  if (status === 429) {
    const error: CallError = {
      code: "rate_limited",
      message: "The tool answered with status 429.",
    };
    return {
      status: "rate_limited",
      error: retryAfterMs === null ? error : { ...error, retry_after_ms: retryAfterMs },
    };
  }
  const message = `The tool answered with status ${status}.`;
  return { status: "failed", error: { code: "upstream_status", message } };
}

/** What a request without a usable answer means for its call. */
export function classifyFailure(
  call: Pick<PlannedCall, "effect">,
  failure: AttemptFailure,
): Refused {
  const lost = (otherwise: CallStatus): CallStatus => lostStatus(call, failure.sent, otherwise);
  switch (failure.kind) {
    case "timeout":
      return {
        status: lost("timeout"),
        error: { code: "tool_timeout", message: "The tool did not answer in time." },
      };
    case "aborted":
    case "cancelled":
      return {
        status: lost("cancelled"),
        error: { code: "cancelled", message: "The call was cancelled." },
      };
    case "held":
      return held(failure);
    case "unreachable":
      return {
        status: lost("failed"),
        error: {
          code: "upstream_unreachable",
          message: "The tool cannot be reached or broke the connection.",
        },
      };
    case "shed": {
      const message =
        "Too many calls want the tool's server; this one was turned away and not sent.";
      return {
        status: "rate_limited",
        error: { code: "call_shed", message, retry_after_ms: SHED_RETRY_MS },
      };
    }
    case "too_large":
      return {
        status: "failed",
        error: {
          code: "result_too_large",
          message: `The tool's answer is larger than ${failure.maxBytes} bytes.`,
        },
      };
    case "invalid_response":
      return { status: "failed", error: { code: "result_invalid", message: failure.reason } };
    case "redirect_refused":
      return { status: "failed", error: { code: "redirect_refused", message: failure.reason } };
    case "egress_refused":
    case "request_refused":
      return { status: "failed", error: { code: "egress_refused", message: failure.reason } };
  }
}

/** Not sent, because of what is known of the tool's server. */
function held({ cause, retryAfterMs }: Extract<GuardFailure, { kind: "held" }>): Refused {
  const isWait = cause === "rate_limited";
  const code = isWait ? cause : "circuit_open";
  const message = isWait
    ? "The tool's server has asked to be left alone for the moment."
    : "The tool's server fails; it is not asked for the moment.";
  return {
    status: code,
    error: { code, message, retry_after_ms: Math.ceil(retryAfterMs) },
  };
}

/** A write that may have reached its tool and got no answer may have happened; anything else ended as it looks. */
export function lostStatus(
  call: Pick<PlannedCall, "effect">,
  sent: boolean,
  otherwise: CallStatus,
): CallStatus {
  const writes = call.effect === "write" || call.effect === "idempotent_write";
  return sent && writes ? "outcome_unknown" : otherwise;
}

/** Ended before anything was sent. */
export function refused(error: CallError): CallOutcome {
  return ended("failed", error, 0);
}

/** Ended with an error and nothing kept of it. */
export function ended(status: CallStatus, error: CallError, attempts: number): CallOutcome {
  return { status, error, cache: "bypass", attempts };
}

/** Not made, because nobody has said yes to it. */
export function approvalRequired(tool: string): CallOutcome {
  const message = `A call of "${tool}" has to be approved first; it was not made.`;
  return ended("approval_required", { code: "approval_required", message }, 0);
}
