/**
 * Executes one call and finds a place for its result before its slot is free: handed on when it is short enough, else
 * kept in the tenant's storage with its handle handed on.
 *
 * So an invocation never holds more results than it has slots. Of answers too long to be read in one go only one is read
 * at a time; the other tools wait, their bytes still on their side of the connection. A result that cannot be kept is
 * handed on whole: too much memory for a moment is better than a result that is lost.
 */

import type { PlannedCall } from "../contract/planned-call.ts";
import type { CallOutcome, CallProgress } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import type { KeptResults } from "../orchestration/ports.ts";
import { Abort } from "../platform/abort.ts";
import { utf8 } from "../platform/encoding.ts";
import { newId } from "../platform/id.ts";
import { createTurnstile, type Turnstile } from "../platform/turnstile.ts";
import { executeCall } from "../tools/execute-call.ts";
import { LONG_BYTES } from "../upstream/read-body.ts";
import { ConnectionRoom, SLOTS_PER_INVOCATION } from "./connection-room.ts";
import { keptResults } from "./kept-results.ts";
import { toolPorts, type ToolContext } from "./tool-ports.ts";

/** Runs one call to the place of its result. Never rejects. */
export type CallExecutor = (
  call: PlannedCall,
  timeoutMs: number,
  signal: AbortSignal,
  onProgress?: (progress: CallProgress) => void,
) => Promise<CallOutcome>;

/** The executor of one invocation. `defer` takes work that may outlive an answer, such as filling the cache. */
export function callExecutor(
  env: Env,
  context: ToolContext,
  tools: ReadonlyMap<string, Tool>,
  defer: (work: Promise<unknown>) => void,
): CallExecutor {
  const ports = toolPorts(env, context, tools, defer);
  const results = keptResults(env, context);
  const longAnswers = createTurnstile();
  const held = new HeldBytes();
  const room = new ConnectionRoom(SLOTS_PER_INVOCATION);
  return async (call, timeoutMs, signal, onProgress) => {
    const over = new Abort().follow(signal);
    const long: { entry: ReturnType<Turnstile["enter"]> | null } = { entry: null };
    const beforeLongAnswer = async (): Promise<void> => {
      if (long.entry === null) held.add(LONG_BYTES);
      // A second attempt of the same call has passed already.
      long.entry ??= longAnswers.enter(over.signal);
      await long.entry;
    };
    let length = 0;
    const leaveRoom = room.enter();
    try {
      const own = {
        spare: room,
        ...ports,
        beforeLongAnswer,
        ...(onProgress !== undefined && { onProgress }),
      };
      const outcome = await executeCall(own, call, timeoutMs, signal);
      if (long.entry !== null) held.add(-LONG_BYTES);
      length = outcome.outputJson?.length ?? 0;
      held.add(length);
      return await place(outcome, call.inlineLength, results, held);
    } finally {
      leaveRoom();
      held.add(-length);
      over.abort();
      const leave = await long.entry;
      leave?.();
    }
  };
}

async function place(
  outcome: CallOutcome,
  inlineLength: number | undefined,
  results: KeptResults,
  held: HeldBytes,
): Promise<CallOutcome> {
  const { outputJson, ...rest } = outcome;
  if (outputJson === undefined || outputJson.length <= (inlineLength ?? Infinity)) return outcome;
  const handle = newId("res");
  if (!(await results.keep(handle, outputJson))) return outcome;
  return {
    ...rest,
    kept: { handle, bytes: utf8(outputJson).length, heldBytes: held.most },
  };
}

/** Results of one invocation that are read and have no place yet, counted as their text: a byte a character of ASCII. */
class HeldBytes {
  #now = 0;
  #most = 0;

  add(bytes: number): void {
    this.#now += bytes;
    this.#most = Math.max(this.#most, this.#now);
  }

  get most(): number {
    return this.#most;
  }
}
