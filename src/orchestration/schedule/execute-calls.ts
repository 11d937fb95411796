/** Executes a closed batch of calls: all of them are known at the start. See `scheduler.ts` for how. */

import type { PlannedCall } from "../../contract/planned-call.ts";
import {
  createScheduler,
  type ExecutedCalls,
  type ExecuteOptions,
  type ExecutePorts,
} from "./scheduler.ts";

/** Runs `calls` and resolves when each has its result and every event has been taken. Never rejects for a call. */
export function executeCalls(
  calls: readonly PlannedCall[],
  options: ExecuteOptions,
  ports: ExecutePorts,
  signal: AbortSignal,
): Promise<ExecutedCalls> {
  const scheduler = createScheduler(options, ports, signal);
  scheduler.submit(calls);
  scheduler.seal();
  return scheduler.finish();
}
