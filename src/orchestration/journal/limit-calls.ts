/**
 * Calls that are answered without being sent: those beyond their tool's `max_uses`, and those that failed the same way
 * already, in two earlier turns of the run. The model reads why and can do something else; a loop of it costs no request.
 *
 * Only what will not change by itself counts as failing the same way: a refusal for rate, a cancel or a deadline does not.
 * Both rules see calls in the order they were planned, so they decide the same after a crash.
 */

import type { CallError, CallOutcome } from "../../contract/run.ts";
import type { LanePool, PlannedCall } from "../ports.ts";
import { decorateLanes } from "./decorate-lanes.ts";
import { samenessOf, type CallNumbers } from "./number-calls.ts";

/** Turns in which the same call may fail the same way before it is no longer sent. */
export const MAX_SAME_FAILURES = 2;

interface Failures {
  /** Status and code of the last failure. */
  readonly kind: string;
  readonly error: CallError;
  readonly turns: number;
  readonly lastTurn: number;
}

/** Lanes that refuse what was used up or has failed often enough. `maxUses` is the tool's limit, null for none. */
export function limitCalls(
  pool: LanePool,
  numbers: CallNumbers,
  maxUses: (tool: string) => number | null,
): LanePool {
  const failures = new Map<string, Failures>();
  let turn = 0;

  function note(call: PlannedCall, outcome: CallOutcome): void {
    const { error } = outcome;
    if (error === undefined) {
      if (failures.size > 0) failures.delete(samenessOf(call));
      return;
    }
    if (!isLasting(outcome)) return;
    const sameness = samenessOf(call);
    const kind = `${outcome.status} ${error.code}`;
    const known = failures.get(sameness);
    const isSame = known?.kind === kind;
    if (isSame && known.lastTurn === turn) return;
    failures.set(sameness, { kind, error, turns: isSame ? known.turns + 1 : 1, lastTurn: turn });
  }

  return decorateLanes(pool, {
    beginTurn: () => {
      turn += 1;
    },
    async run(lane, call, timeoutMs, signal) {
      const most = maxUses(call.tool);
      if (most !== null && numbers.identify(call).use > most) return usedUp(call, most);
      const failed = failures.size > 0 ? failures.get(samenessOf(call)) : undefined;
      if (failed !== undefined && failed.turns >= MAX_SAME_FAILURES && failed.lastTurn < turn)
        return failedBefore(call, failed);
      const outcome = await lane.run(call, timeoutMs, signal);
      note(call, outcome);
      return outcome;
    },
  });
}

function isLasting({ status, error }: CallOutcome): boolean {
  if (error?.code === "deadline_exceeded") return false;
  return status === "failed" || status === "timeout" || status === "outcome_unknown";
}

function usedUp(call: PlannedCall, most: number): CallOutcome {
  const times = most === 1 ? "once" : `${most} times`;
  return refused({
    code: "use_limit",
    message: `The tool "${call.tool}" may be used ${times} in one run; this call was not sent.`,
  });
}

function failedBefore(call: PlannedCall, { turns, error }: Failures): CallOutcome {
  return refused({
    code: "repeated_failure",
    message:
      `This call of "${call.tool}" with the same arguments has failed the same way ${turns} times in this run ` +
      `(${error.code}: ${error.message}) and was not sent again. Change the arguments or do without it.`,
  });
}

function refused(error: CallError): CallOutcome {
  return { status: "failed", error, cache: "bypass", attempts: 0 };
}
