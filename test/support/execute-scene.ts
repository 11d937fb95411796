/** One batch of calls over fake lanes and a fake clock, with everything it said. */

import {
  type CallEvent,
  type ExecutedCalls,
  type ExecuteOptions,
  executeCalls,
} from "../../src/orchestration/execute-calls.ts";
import type { PlannedCall } from "../../src/orchestration/ports.ts";
import { FakeClock } from "./fake-clock.ts";
import { type CallScript, FakeLanes, succeeded } from "./fake-lanes.ts";

/** A batch about to be executed. */
export interface Scene {
  readonly clock: FakeClock;
  readonly lanes: FakeLanes;
  readonly events: CallEvent[];
  readonly controller: AbortController;
  readonly start: (
    calls: readonly PlannedCall[],
    options?: Partial<ExecuteOptions>,
  ) => Promise<ExecutedCalls>;
}

/** A batch whose calls do what `script` says, on lanes of `slots` slots. */
export function scene(script: (call: PlannedCall) => CallScript, slots = 5): Scene {
  const clock = new FakeClock();
  const lanes = new FakeLanes(clock, script, slots);
  const events: CallEvent[] = [];
  const controller = new AbortController();
  return {
    clock,
    lanes,
    events,
    controller,
    start: (calls, options = {}) =>
      executeCalls(
        calls,
        {
          mode: "parallel",
          maxParallel: 64,
          startedAtMs: clock.now(),
          deadlineAtMs: clock.now() + 60_000,
          ...options,
        },
        {
          clock,
          lanes,
          onEvent: async (event) => {
            events.push(event);
          },
        },
        controller.signal,
      ),
  };
}

/** Every call succeeds after `durationMs`. */
export function take(durationMs: number): (call: PlannedCall) => CallScript {
  return () => ({ durationMs, outcome: succeeded() });
}

/** Every call succeeds with its id, after its own duration. */
export function durations(
  byId: Readonly<Record<string, number>>,
): (call: PlannedCall) => CallScript {
  return (call) => ({ durationMs: byId[call.id] ?? 0, outcome: succeeded(call.id) });
}
