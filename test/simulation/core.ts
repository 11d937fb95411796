/**
 * The run core under test, as one value: a planted fault is another core. `realCore` is what the assembly puts together
 * for a durable run; the world around it (clock, storage, tools, model) is simulated.
 */

import { runLanes } from "../../src/assembly/durable-run.ts";
import { runCalls } from "../../src/orchestration/run-calls.ts";
import { runChat } from "../../src/orchestration/run-chat.ts";

/** What is simulated. */
export interface Core {
  readonly runCalls: typeof runCalls;
  readonly runChat: typeof runChat;
  /** Lanes as a run has them, over connections. */
  readonly lanes: typeof runLanes;
}

/** The run core as it is. */
export const REAL_CORE: Core = { runCalls, runChat, lanes: runLanes };
