/**
 * A run keeps to the pace of who reads it: while more than `MAX_UNREAD_LENGTH` of outputs wait to be read, no further
 * call goes to its tool. What has ended is never held back, and no event is dropped.
 *
 * A call that waits here holds its slot and its time runs, as it would if the tool were slow; nothing has been sent.
 */

import type { RunEvent } from "../contract/run.ts";
import type { Lane, LanePool } from "../orchestration/ports.ts";

/** Outputs that may wait to be read, in UTF-16 units, besides those of calls under way. */
export const MAX_UNREAD_LENGTH = 1024 * 1024;

/** How much of outputs an event holds, in UTF-16 units. */
export function lengthOf(event: { readonly type: string }): number {
  const end: { readonly outputJson?: unknown } =
    "result" in event && typeof event.result === "object" && event.result !== null
      ? event.result
      : event;
  return typeof end.outputJson === "string" ? end.outputJson.length : 0;
}

/** A reader's pace: the lanes that keep to it, and where its events pass. */
export interface ReaderPace {
  readonly lanes: LanePool;
  emit(event: RunEvent): Promise<void>;
}

/** `emit` resolves when the reader's channel has taken the event. */
export function readerPace(pool: LanePool, emit: (event: RunEvent) => Promise<void>): ReaderPace {
  let unread = 0;
  let caughtUp = Promise.withResolvers<void>();
  const isBehind = (): boolean => unread > MAX_UNREAD_LENGTH;
  const wrapped = new Map<Lane, Lane>();

  function wrap(lane: Lane): Lane {
    const known = wrapped.get(lane);
    if (known !== undefined) return known;
    const paced: Lane = {
      slots: lane.slots,
      async run(call, timeoutMs, signal, onProgress) {
        while (isBehind() && !signal.aborted)
          await Promise.race([caughtUp.promise, abortOf(signal)]);
        const outcome = await lane.run(call, timeoutMs, signal, onProgress);
        // A call that was left behind has been told already, without this output.
        if (!signal.aborted) unread += outcome.outputJson?.length ?? 0;
        return outcome;
      },
    };
    wrapped.set(lane, paced);
    return paced;
  }

  return {
    lanes: { lanes: (calls) => pool.lanes(calls).map(wrap), close: () => pool.close() },
    async emit(event) {
      await emit(event);
      unread = Math.max(0, unread - lengthOf(event));
      if (isBehind()) return;
      caughtUp.resolve();
      caughtUp = Promise.withResolvers<void>();
    },
  };
}

/** Resolves when the signal aborts; the listener goes with the signal, which is one call's own. */
function abortOf(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
