/**
 * What becomes of calls that did not end by themselves: stopped, cancelled, skipped, or left behind by their lane.
 *
 * A write of either kind that was under way and never said what became of it is `outcome_unknown`, because it may have
 * happened; that an idempotent one may be sent again does not make it known.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallError, CallOutcome, CallStatus } from "../../contract/run.ts";
import type { StopReason } from "../stop.ts";

/** How long aborted calls may take to report before the answer leaves without them. */
export const STOP_GRACE_MS = 20;

/** The same for calls made inside the run: long enough to hear how their own calls have ended. */
export const INSIDE_GRACE_MS = STOP_GRACE_MS + 10;

/**
 * How long after a call's own timeout its lane may report it. Lanes keep the timeout themselves, counted from the moment
 * the call reached them; a second is more than starting a shard costs, so whoever is later is lost.
 */
export const OVERDUE_GRACE_MS = 1_000;

/** Why a call ended without an answer of its tool. */
export interface Failure {
  readonly status: CallStatus;
  readonly error: CallError;
}

/** Somebody cancelled the call, its branch or the run. */
export const CALL_CANCELLED: Failure = failure("cancelled", "cancelled", "The call was cancelled.");

/** The call's own time ran out. */
export const CALL_OVERDUE: Failure = failure(
  "timeout",
  "tool_timeout",
  "The tool did not answer in time.",
);

/** The lane broke. */
export const CALL_LOST: Failure = failure("failed", "internal", "The call was lost.");

/** The run had to end. */
export function stopFailure(reason: StopReason): Failure {
  return reason === "deadline"
    ? failure("timeout", "deadline_exceeded", "The run's deadline passed.")
    : failure("cancelled", "cancelled", "The run was cancelled.");
}

/** A call that needs another one which did not succeed, or which is nowhere in the run. */
export function dependencyFailure(need: string): Failure {
  return failure("skipped", "dependency_failed", `It needs "${need}", which did not succeed.`);
}

/** A call that was never sent. */
export function neverSent({ status, error }: Failure): CallOutcome {
  return { status, error, cache: "bypass", attempts: 0 };
}

/** A call that was under way and never said what became of it. */
export function leftBehind(call: PlannedCall, { status, error }: Failure): CallOutcome {
  const isWrite = call.effect === "write" || call.effect === "idempotent_write";
  return {
    status: isWrite ? "outcome_unknown" : status,
    error,
    cache: "bypass",
    attempts: 1,
  };
}

/**
 * What a lane reported, with the run's deadline named where it was the cause: a lane cannot tell it from a cancel or from
 * the call's own timeout. `isCutByDeadline`: the call's time ran out with the run's.
 */
export function blamed(
  outcome: CallOutcome,
  isCutByDeadline: boolean,
  reason: StopReason | null,
): CallOutcome {
  const isCut =
    (outcome.status === "timeout" && isCutByDeadline) ||
    (outcome.status === "cancelled" && reason === "deadline");
  return isCut
    ? { ...neverSent(stopFailure("deadline")), attempts: outcome.attempts, cache: outcome.cache }
    : outcome;
}

function failure(status: CallStatus, code: CallError["code"], message: string): Failure {
  return { status, error: { code, message } };
}
