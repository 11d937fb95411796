/**
 * Identical `pure` and `read` calls of one turn run once and share what came of it, also when the first has ended by the
 * time the second starts.
 *
 * A shared call is cancelled only when the last of those who wait for it has left; whoever leaves earlier is answered
 * `cancelled` at once. A call that was cancelled is not shared with anybody who comes later.
 */

import type { CallOutcome } from "../../contract/run.ts";
import type { Lane, LanePool, PlannedCall } from "../ports.ts";
import { decorateLanes } from "./decorate-lanes.ts";
import { samenessOf } from "./number-calls.ts";
import { Abort } from "../../platform/abort.ts";

/** Characters of ended results that a turn keeps for identical calls still to come; beyond it those are sent again. */
export const MAX_KEPT_CHARACTERS = 4 * 1024 * 1024;

interface SharedCall {
  readonly outcome: Promise<CallOutcome>;
  readonly controller: Abort;
  waiting: number;
}

/** Lanes whose identical reads of one turn are sent once. */
export function shareCalls(pool: LanePool): LanePool {
  const shared = new Map<string, SharedCall>();
  let keptCharacters = 0;

  function start(lane: Lane, call: PlannedCall, timeoutMs: number, sameness: string): SharedCall {
    const controller = new Abort();
    const outcome = lane.run(call, timeoutMs, controller.signal);
    const entry: SharedCall = { outcome, controller, waiting: 0 };
    shared.set(sameness, entry);
    // Not awaited: a lane that broke is told to those who wait for the call.
    void outcome.then(
      (ended) => keep(entry, sameness, ended),
      () => forget(entry, sameness),
    );
    return entry;
  }

  function keep(entry: SharedCall, sameness: string, { outputJson = "" }: CallOutcome): void {
    if (shared.get(sameness) !== entry) return;
    keptCharacters += outputJson.length;
    if (keptCharacters <= MAX_KEPT_CHARACTERS) return;
    keptCharacters -= outputJson.length;
    shared.delete(sameness);
  }

  function forget(entry: SharedCall, sameness: string): void {
    if (shared.get(sameness) === entry) shared.delete(sameness);
  }

  /** Waits for the shared call; the last one to leave takes it along and sees how it ended. */
  async function wait(
    entry: SharedCall,
    call: PlannedCall,
    sameness: string,
    signal: AbortSignal,
  ): Promise<CallOutcome> {
    entry.waiting += 1;
    const left = Promise.withResolvers<CallOutcome>();
    const leave = () => {
      entry.waiting -= 1;
      if (entry.waiting > 0) return left.resolve(leftAlone(call));
      forget(entry, sameness);
      entry.controller.abort();
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([entry.outcome, left.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  return decorateLanes(pool, {
    beginTurn: () => {
      shared.clear();
      keptCharacters = 0;
    },
    run(lane, call, timeoutMs, signal) {
      if (call.effect !== "pure" && call.effect !== "read")
        return lane.run(call, timeoutMs, signal);
      const sameness = samenessOf(call);
      const running = shared.get(sameness);
      if (running === undefined)
        return wait(start(lane, call, timeoutMs, sameness), call, sameness, signal);
      return wait(running, call, sameness, signal).then((outcome) => ({ ...outcome, attempts: 0 }));
    },
  });
}

function leftAlone(call: PlannedCall): CallOutcome {
  const message = `The call of "${call.tool}" was cancelled; an identical one goes on.`;
  return {
    status: "cancelled",
    error: { code: "cancelled", message },
    cache: "bypass",
    attempts: 0,
  };
}
