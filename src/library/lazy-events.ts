/**
 * Events of work that begins when somebody reads them and has ended when they have been read or left: a loop that is
 * left leaves nothing running behind it.
 */

import { type FollowedWork, followWork } from "../platform/followed-work.ts";

/** Events a run may be ahead of its reader. */
export const EVENTS_AHEAD = 64;

/** The events of `work`, to be read once; a second reader gets none. */
export function lazyEvents<Event>(
  signal: AbortSignal,
  work: (emit: (event: Event) => Promise<void>, signal: AbortSignal) => Promise<unknown>,
): AsyncIterable<Event> {
  let followed: FollowedWork<Event> | null = null;
  return {
    [Symbol.asyncIterator]() {
      followed ??= followWork<Event>({ events: EVENTS_AHEAD }, signal, work);
      const { events, ended } = followed;
      const iterator = events[Symbol.asyncIterator]();
      return {
        next: () => iterator.next(),
        async return() {
          await iterator.return?.();
          await ended;
          return { done: true, value: undefined };
        },
      };
    },
  };
}
