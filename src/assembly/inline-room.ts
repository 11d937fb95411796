/**
 * How much of its results a run hands on and holds, instead of keeping them: `INLINE_LENGTH` together, in UTF-16 units.
 *
 * A run of ready calls shares it out before it starts, so whether an output is in the answer depends on the request and
 * on that output alone. A chat cannot know its calls: each takes a part of what is left, and a turn begins with all of
 * it, because the results of the turn before were cut and let go. A run holds its events twice under an idempotency key;
 * that is why the room is less than half of what a recording may hold.
 */

import type { PlannedCall } from "../contract/planned-call.ts";
import { decorateLanes } from "../orchestration/journal/decorate-lanes.ts";
import type { LanePool } from "../orchestration/ports.ts";

/** Length of all outputs in the answer of one run. */
export const INLINE_LENGTH = 12 * 1024 * 1024;

/** What every call of a chat may hand on, however many there are. */
const MIN_INLINE_LENGTH = 32 * 1024;

/** The longest answer of a tool. */
const MAX_INLINE_LENGTH = 8 * 1024 * 1024;

/** Of what is left, a call of a chat takes one part in so many. */
const PARTS = 4;

/**
 * Calls of one run, each with its share. Calls whose results others need, or that a branch is judged by, have a room of
 * the same size of their own: only into a result that is at hand can a reference be followed.
 */
export function shareInlineRoom(calls: readonly PlannedCall[]): readonly PlannedCall[] {
  const needed = new Set(
    calls.flatMap(({ id, needs, branch }) => [
      ...(needs ?? []),
      ...(branch === undefined ? [] : [id]),
    ]),
  );
  const share = shareOf(calls.length);
  const shareOfNeeded = shareOf(needed.size);
  return calls.map((call) => ({
    ...call,
    inlineLength: needed.has(call.id) ? Math.max(share, shareOfNeeded) : share,
  }));
}

function shareOf(count: number): number {
  return Math.min(MAX_INLINE_LENGTH, Math.floor(INLINE_LENGTH / count));
}

/**
 * The lanes of a chat run, whose calls take their parts as they start. Steps of a chain take none: what they give goes into
 * other steps and not into a message, and the chain bounds what it holds itself.
 */
export function roomyLanes(pool: LanePool): LanePool {
  let left = INLINE_LENGTH;
  let inFlight = 0;
  const roomy = decorateLanes(pool, {
    async run(lane, call, timeoutMs, signal) {
      if (call.partOf !== undefined) return lane.run(call, timeoutMs, signal);
      const part = Math.max(
        MIN_INLINE_LENGTH,
        Math.min(MAX_INLINE_LENGTH, Math.floor(left / PARTS)),
      );
      left -= part;
      inFlight += 1;
      const outcome = await lane.run({ ...call, inlineLength: part }, timeoutMs, signal);
      inFlight -= 1;
      left += part - (outcome.outputJson?.length ?? 0);
      return outcome;
    },
  });
  return {
    ...roomy,
    lanes(calls) {
      if (inFlight === 0) left = INLINE_LENGTH;
      return roomy.lanes(calls);
    },
  };
}
