/** One call as the scheduler keeps it, from its submission to its result. */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { GraphCall } from "./call-graph.ts";
import type { CallResult } from "../../contract/run.ts";
import type { Cap, ReadyItem } from "./ready-queue.ts";

/** A submitted call. It waits for others (`missing`), then for a slot, then it runs; `result` is its end. */
export interface Entry extends GraphCall, ReadyItem {
  rank: number;
  priority: number;
  /** When it could have started; null while it waits for others. */
  readyAtMs: number | null;
  /** Whoever awaits its result. */
  waiter: PromiseWithResolvers<CallResult> | null;
}

/** A call nobody waited for yet; `order` is its place among all calls of the run. */
export function newEntry(
  call: PlannedCall,
  order: number,
  caps: readonly Cap[],
  weightMs: number,
): Entry {
  return {
    call,
    order,
    caps,
    weightMs,
    rank: weightMs,
    priority: call.priority ?? 0,
    missing: 0,
    readyAtMs: null,
    result: null,
    waiter: null,
  };
}

/** Weights by tool, each asked for once. Without measurements every call weighs the same and ranks count levels. */
export function rememberedWeights(
  expectedMs: (tool: string) => number = () => 1,
): (tool: string) => number {
  const weights = new Map<string, number>();
  return (tool) => {
    const weightMs = weights.get(tool) ?? expectedMs(tool);
    weights.set(tool, weightMs);
    return weightMs;
  };
}
