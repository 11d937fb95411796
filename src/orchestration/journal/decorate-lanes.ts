/** A decorator of lanes: does something around every single call, and the scheduler never knows. */

import type { CallOutcome } from "../../contract/run.ts";
import type { Lane, LanePool, PlannedCall } from "../ports.ts";

/** What stands around each call. */
export interface LaneDecoration {
  /** Runs `call` through `lane`, or answers it otherwise. Never rejects unless the lane does. */
  run(
    this: void,
    lane: Lane,
    call: PlannedCall,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<CallOutcome>;
  /** A new turn of the model begins. */
  beginTurn?(this: void): void;
}

/** `pool` with `decoration` around every call. Lanes keep their number, order, slots and identity. */
export function decorateLanes(pool: LanePool, decoration: LaneDecoration): LanePool {
  const decorated = new Map<Lane, Lane>();
  function decorate(lane: Lane): Lane {
    const known = decorated.get(lane);
    if (known !== undefined) return known;
    const made: Lane = {
      slots: lane.slots,
      run: (call, timeoutMs, signal, onProgress) =>
        decoration.run(told(lane, onProgress), call, timeoutMs, signal),
    };
    decorated.set(lane, made);
    return made;
  }
  return {
    lanes: (calls) => pool.lanes(calls).map(decorate),
    beginTurn() {
      decoration.beginTurn?.();
      pool.beginTurn?.();
    },
    close: () => pool.close(),
  };
}

/** `lane` for one call whose progress is told; decorations need not know of it. */
function told(lane: Lane, onProgress: Parameters<Lane["run"]>[3]): Lane {
  if (onProgress === undefined) return lane;
  const run: Lane["run"] = (call, timeoutMs, signal) =>
    lane.run(call, timeoutMs, signal, onProgress);
  return { slots: lane.slots, run };
}
