import { array, assert, asyncProperty, integer } from "fast-check";
import { describe, expect, it } from "vitest";

import { createChannel } from "../../src/platform/channel.ts";

async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

/** True when `promise` settles before everything that is ready has run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return Promise.race([promise.then(() => true), falseOnceIdle()]);
}

async function falseOnceIdle(): Promise<boolean> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  return false;
}

describe("createChannel", () => {
  it("hands over every item in order, whatever the capacity", async () => {
    await assert(
      asyncProperty(array(integer()), integer({ min: 1, max: 5 }), async (items, capacity) => {
        const channel = createChannel<number>(capacity);
        const read = collect(channel.iterable);
        for (const item of items) await channel.push(item);
        channel.close();
        expect(await read).toEqual(items);
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it("makes a push wait while the buffer is full", async () => {
    const channel = createChannel<number>(2);
    await channel.push(1);
    await channel.push(2);
    const third = channel.push(3);
    expect(await isSettled(third)).toBe(false);
    const iterator = channel.iterable[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: 1 });
    expect(await isSettled(third)).toBe(true);
  });

  it("gives the reader what was pushed before the close, waiting pushes included", async () => {
    const channel = createChannel<number>(1);
    await channel.push(1);
    const second = channel.push(2);
    channel.close();
    await channel.push(3);
    expect(await collect(channel.iterable)).toEqual([1, 2]);
    await second;
  });

  it("ends a reader that waits when the channel closes", async () => {
    const channel = createChannel<number>(1);
    const read = collect(channel.iterable);
    channel.close();
    channel.close();
    expect(await read).toEqual([]);
  });

  it("notices a reader that leaves, releases waiting pushes and drops later ones", async () => {
    const channel = createChannel<number>(1);
    let notices = 0;
    channel.onLeave(() => {
      notices += 1;
    });
    await channel.push(1);
    const waiting = channel.push(2);
    for await (const item of channel.iterable) {
      expect(item).toBe(1);
      break;
    }
    await waiting;
    await channel.push(3);
    expect(notices).toBe(1);
    expect(await collect(channel.iterable)).toEqual([]);
    channel.onLeave(() => {
      notices += 1;
    });
    expect(notices).toBe(2);
  });

  it("notices a reader that leaves while it waits for an item", async () => {
    const channel = createChannel<number>(1);
    let hasLeft = false;
    channel.onLeave(() => {
      hasLeft = true;
    });
    const iterator = channel.iterable[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(hasLeft).toBe(true);
  });

  it("does not call it leaving when the reader has seen the end", async () => {
    const channel = createChannel<number>(1);
    let hasLeft = false;
    channel.onLeave(() => {
      hasLeft = true;
    });
    await channel.push(1);
    channel.close();
    await collect(channel.iterable);
    await channel.iterable[Symbol.asyncIterator]().return?.();
    expect(hasLeft).toBe(false);
  });

  it("calls it leaving when the channel closed but unread items were left behind", async () => {
    const channel = createChannel<number>(2);
    let hasLeft = false;
    channel.onLeave(() => {
      hasLeft = true;
    });
    await channel.push(1);
    channel.close();
    await channel.iterable[Symbol.asyncIterator]().return?.();
    expect(hasLeft).toBe(true);
  });
});
