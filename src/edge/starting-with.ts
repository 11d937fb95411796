/** An iterator from which one event was taken to see how it begins. */

/** `events` with an event that was taken already in front again. */
export function startingWith<E>(first: E, events: AsyncIterator<E>): AsyncIterator<E> {
  let isTaken = false;
  return {
    next: () => {
      if (isTaken) return events.next();
      isTaken = true;
      return Promise.resolve({ done: false, value: first });
    },
  };
}
