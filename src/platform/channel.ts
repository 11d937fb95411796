/**
 * A bounded channel: awaited pushes on one side, an async iterable on the other.
 *
 * A producer that pushes faster than the reader reads waits in `push`, so a slow reader slows the producer and memory
 * stays within `capacity` items and one waiting item a pusher. The iterator is written by hand because an async
 * generator queues `return` behind a pending `next`: a reader that leaves while it waits would not be noticed until the
 * next item. Nothing here fails: once the reader has left or the channel is closed, a push resolves and drops its item.
 */

/** One producer's and one reader's ends. */
export interface Channel<T> {
  /** Resolves when the item is in the buffer or handed over, or dropped because the reader left or the channel closed. */
  push(item: T): Promise<void>;
  /** No more items: the reader gets those already pushed, then the end. May be called twice. */
  close(): void;
  /** For one reader: every iteration continues the same sequence. Leaving a `for await` early is noticed at once. */
  readonly iterable: AsyncIterable<T>;
  /** Calls `listener` once when the reader leaves before it has seen the end; at once if it has already left. */
  onLeave(listener: () => void): void;
}

interface WaitingPush<T> {
  readonly item: T;
  readonly resolve: () => void;
}

/** Bounds of a channel beside its number of items. */
export interface ChannelSize<T> {
  /** Unread items together; one is always taken, however big it is. */
  readonly most: number;
  sizeOf(item: T): number;
}

/** A channel that holds at most `capacity` unread items (at least 1), and of `size` no more than its bound. */
export function createChannel<T>(capacity: number, size?: ChannelSize<T>): Channel<T> {
  const buffer = new Unread<T>(capacity, size);
  const pushes: WaitingPush<T>[] = [];
  const reads: ((result: IteratorResult<T, undefined>) => void)[] = [];
  const leaveListeners: (() => void)[] = [];
  let closed = false;
  let hasLeft = false;

  const endReads = (): void => {
    for (const resolve of reads.splice(0)) resolve({ done: true, value: undefined });
  };

  function leave(): void {
    const seenTheEnd = closed && buffer.length === 0 && pushes.length === 0;
    if (hasLeft || seenTheEnd) return;
    hasLeft = true;
    buffer.take(Infinity);
    for (const waiting of pushes.splice(0)) waiting.resolve();
    endReads();
    for (const listener of leaveListeners.splice(0)) listener();
  }

  const iterator: AsyncIterator<T, undefined> = {
    next() {
      for (const value of buffer.take(1)) {
        buffer.admit(pushes);
        return Promise.resolve({ done: false, value });
      }
      if (closed || hasLeft) return Promise.resolve({ done: true, value: undefined });
      return new Promise((resolve) => reads.push(resolve));
    },
    return() {
      leave();
      return Promise.resolve({ done: true, value: undefined });
    },
  };

  return {
    push(item) {
      if (closed || hasLeft) return Promise.resolve();
      const read = reads.shift();
      if (read !== undefined) {
        read({ done: false, value: item });
        return Promise.resolve();
      }
      if (pushes.length === 0 && buffer.fits(item)) {
        buffer.add(item);
        return Promise.resolve();
      }
      return new Promise((resolve) => pushes.push({ item, resolve }));
    },
    close() {
      closed = true;
      endReads();
    },
    iterable: { [Symbol.asyncIterator]: () => iterator },
    onLeave(listener) {
      if (hasLeft) listener();
      else leaveListeners.push(listener);
    },
  };
}

/** Items that were pushed and not read yet. */
class Unread<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  readonly #size: ChannelSize<T> | undefined;
  #held = 0;

  constructor(capacity: number, size: ChannelSize<T> | undefined) {
    this.#capacity = capacity;
    this.#size = size;
  }

  get length(): number {
    return this.#items.length;
  }

  fits(item: T): boolean {
    if (this.#items.length === 0) return true;
    const most = this.#size?.most ?? Infinity;
    return this.#items.length < this.#capacity && this.#held + this.#sizeOf(item) <= most;
  }

  add(item: T): void {
    this.#items.push(item);
    this.#held += this.#sizeOf(item);
  }

  /** Takes in those who wait, as far as they fit. */
  admit(waiting: WaitingPush<T>[]): void {
    for (let [first] = waiting; first !== undefined && this.fits(first.item); [first] = waiting) {
      waiting.shift();
      this.add(first.item);
      first.resolve();
    }
  }

  /** The oldest items, at most `count`. */
  take(count: number): readonly T[] {
    const taken = this.#items.splice(0, count);
    for (const item of taken) this.#held -= this.#sizeOf(item);
    return taken;
  }

  #sizeOf(item: T): number {
    return this.#size?.sizeOf(item) ?? 0;
  }
}
