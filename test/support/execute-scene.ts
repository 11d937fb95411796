/** One batch of calls over fake lanes and a fake clock, with everything it said. */

import type { PlannedCall } from "../../src/orchestration/ports.ts";
import { executeCalls } from "../../src/orchestration/schedule/execute-calls.ts";
import {
  type CallEvent,
  createScheduler,
  type ExecutedCalls,
  type ExecuteOptions,
  type ExecutePorts,
  type Scheduler,
} from "../../src/orchestration/schedule/scheduler.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { type CallScript, FakeLanes, succeeded } from "./fake-lanes.ts";

/** Calls about to be executed. */
export interface Scene {
  readonly clock: FakeClock;
  readonly lanes: FakeLanes;
  readonly events: CallEvent[];
  readonly controller: AbortController;
  /** Executes a closed batch. */
  readonly start: (
    calls: readonly PlannedCall[],
    options?: Partial<ExecuteOptions>,
    ports?: Partial<ExecutePorts>,
  ) => Promise<ExecutedCalls>;
  /** A scheduler without calls. */
  readonly open: (options?: Partial<ExecuteOptions>, ports?: Partial<ExecutePorts>) => Scheduler;
}

/** A scene whose calls do what `script` says, on lanes of `slots` slots. */
export function scene(script: (call: PlannedCall) => CallScript, slots = 5): Scene {
  const clock = new FakeClock();
  const lanes = new FakeLanes(clock, script, slots);
  const events: CallEvent[] = [];
  const controller = new AbortController();
  const optionsOf = (options: Partial<ExecuteOptions>): ExecuteOptions => ({
    mode: "parallel",
    maxParallel: 64,
    startedAtMs: clock.now(),
    deadlineAtMs: clock.now() + 60_000,
    ...options,
  });
  const onEvent = async (event: CallEvent): Promise<void> => {
    events.push(event);
  };
  return {
    clock,
    lanes,
    events,
    controller,
    start: (calls, options = {}, ports = {}) =>
      executeCalls(
        calls,
        optionsOf(options),
        { clock, lanes, onEvent, ...ports },
        controller.signal,
      ),
    open: (options = {}, ports = {}) =>
      createScheduler(optionsOf(options), { clock, lanes, onEvent, ...ports }, controller.signal),
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
