/** A run's events for whoever reads them, with the run's own fault behind the last one. */

/**
 * The run's events, and after the last of them whatever the run core threw: a bug or a platform fault must reach who
 * reads, not look like an end.
 */
export function thenRethrow<Event>(
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
