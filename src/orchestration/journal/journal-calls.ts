/**
 * The write-ahead log around every call: what a run that was lost left behind decides what its next life may do.
 *
 * `claimed → sent → done | failed | outcome_unknown`, by the call's journal key. A call that ended is answered from the
 * log. Of one that was sent and never ended, a `pure` or `read` runs again, an `idempotent_write` is sent again under the
 * same `Idempotency-Key` while the run may still send, and a `write` is not: it may have happened, and says so. Only
 * writes wait until the log is durable before they leave, because only there a lost line could do harm.
 *
 * Without a journal all that remains is the `Idempotency-Key` of idempotent writes.
 */

import { hasResult, type CallOutcome } from "../../contract/run.ts";
import type { CallJournal, CallState, JournaledCall } from "../../contract/run-log.ts";
import type { LanePool, PlannedCall } from "../ports.ts";
import { decorateLanes } from "./decorate-lanes.ts";
import type { CallNumbers } from "./number-calls.ts";

/** Why nothing more may be sent, though what has ended still counts: the run was over before this life of it began. */
export interface RunBounds {
  /** On the clock of `now`. */
  readonly deadlineAtMs: number;
  readonly isCancelled: boolean;
  now(this: void): number;
}

/** Lanes whose calls are logged. `journal` is null for a run that is not durable. */
export function journalCalls(
  pool: LanePool,
  numbers: CallNumbers,
  journal: CallJournal | null,
  bounds: RunBounds,
): LanePool {
  return decorateLanes(pool, {
    beginTurn: () => numbers.beginTurn(),
    async run(lane, planned, timeoutMs, signal) {
      const { effect } = planned;
      if (journal === null && effect !== "idempotent_write")
        return lane.run(planned, timeoutMs, signal);
      const key = await numbers.keyOf(planned);
      const call = effect === "idempotent_write" ? { ...planned, idempotencyKey: key } : planned;
      if (journal === null) return lane.run(call, timeoutMs, signal);

      const before = await journal.find(key);
      if (before?.outcome != null) return before.outcome;
      const leftMs = () => bounds.deadlineAtMs - bounds.now();
      const isOver = signal.aborted || bounds.isCancelled || leftMs() <= 0;
      const isWrite = effect === "write" || effect === "idempotent_write";
      if (before?.state === "sent" && (effect === "write" || (isWrite && isOver))) {
        const unknown = lostOutcome(call);
        await journal.settle(key, "outcome_unknown", unknown);
        return unknown;
      }
      if (isOver) return notSent(leftMs() <= 0 ? "deadline" : "cancelled");
      journal.claim(key);
      const durable = journal.send(key);
      if (isWrite) {
        await durable;
        if (signal.aborted || leftMs() <= 0) {
          journal.claim(key);
          return notSent(signal.aborted ? "cancelled" : "deadline");
        }
      }
      // A storage that broke is told when the read's outcome is written.
      if (!isWrite) durable.catch(() => undefined);
      const outcome = await lane.run(call, Math.min(timeoutMs, leftMs()), signal);
      // What was cancelled has no end yet: the run may still want it. A write that had left is not `cancelled`.
      if (outcome.status !== "cancelled") await journal.settle(key, stateOf(outcome), outcome);
      return outcome;
    },
  });
}

function stateOf(outcome: CallOutcome): CallState {
  if (hasResult(outcome)) return "done";
  return outcome.status === "outcome_unknown" ? "outcome_unknown" : "failed";
}

/** What an earlier life of the run left of a call that must not be made again; null when it may be. */
export function knownOutcome(before: JournaledCall | null, call: PlannedCall): CallOutcome | null {
  if (before?.outcome != null) return before.outcome;
  return before?.state === "sent" && call.effect === "write" ? lostOutcome(call) : null;
}

function lostOutcome(call: PlannedCall): CallOutcome {
  const message = `The run was interrupted after "${call.tool}" had been sent; the write may have happened.`;
  return {
    status: "outcome_unknown",
    error: { code: "interrupted", message },
    cache: "bypass",
    attempts: 1,
  };
}

function notSent(reason: "cancelled" | "deadline"): CallOutcome {
  return reason === "cancelled"
    ? {
        status: "cancelled",
        error: { code: "cancelled", message: "The run was cancelled." },
        cache: "bypass",
        attempts: 0,
      }
    : {
        status: "timeout",
        error: { code: "deadline_exceeded", message: "The run's deadline passed." },
        cache: "bypass",
        attempts: 0,
      };
}
