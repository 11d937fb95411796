/**
 * Work that says what it does while somebody reads along: its events come out as an async iterable, and leaving that, or
 * aborting the signal, stops the work.
 */

import { type ChannelSize, createChannel } from "./channel.ts";
import { Abort } from "./abort.ts";

/** Work that has begun. */
export interface FollowedWork<Event> {
  /** After the last event whatever the work threw: a bug or a platform fault must not look like an end. */
  readonly events: AsyncIterable<Event>;
  /** Resolves when the work is over. Never rejects. */
  readonly ended: Promise<void>;
}

/** How far work may be ahead of its reader. */
export interface ReadAhead<Event> {
  readonly events: number;
  /** Their size together. Absent: only their number counts. */
  readonly unread?: ChannelSize<Event>;
}

/** Starts `work`. It waits in `emit` when its reader is slow, and its signal aborts with `signal` or when the reader leaves. */
export function followWork<Event>(
  ahead: ReadAhead<Event>,
  signal: AbortSignal,
  work: (emit: (event: Event) => Promise<void>, signal: AbortSignal) => Promise<unknown>,
): FollowedWork<Event> {
  const stop = new Abort().follow(signal);
  const channel = createChannel<Event>(ahead.events, ahead.unread);
  channel.onLeave(() => stop.abort());
  const working = work((event) => channel.push(event), stop.signal);
  const close = () => {
    stop.release();
    channel.close();
  };
  return { events: thenRethrow(channel.iterable, working), ended: working.then(close, close) };
}

function thenRethrow<Event>(
  events: AsyncIterable<Event>,
  work: Promise<unknown>,
): AsyncIterable<Event> {
  const iterator = events[Symbol.asyncIterator]();
  return {
    [Symbol.asyncIterator]: () => ({
      async next() {
        const next = await iterator.next();
        if (next.done === true) await work;
        return next;
      },
      async return() {
        await iterator.return?.();
        return { done: true, value: undefined };
      },
    }),
  };
}
