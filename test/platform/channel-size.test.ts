import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { createChannel } from "../../src/platform/channel.ts";

/** A channel of texts that may hold ten items and 100 characters. */
function textChannel() {
  return createChannel<string>(10, { most: 100, sizeOf: (text) => text.length });
}

describe("createChannel with a size", () => {
  it("makes the pusher wait once the unread items are too big, and takes one that is bigger than all", async () => {
    const channel = textChannel();
    const taken: number[] = [];
    for (const length of [60, 40, 1]) {
      void channel.push("x".repeat(length)).then(() => taken.push(length));
    }
    await Promise.resolve();
    expect(taken).toEqual([60, 40]);
    const big = textChannel();
    void big.push("x".repeat(5_000)).then(() => taken.push(5_000));
    await Promise.resolve();
    expect(taken).toEqual([60, 40, 5_000]);
  });

  it("hands over every item in order, whatever their sizes, and never holds more than it may", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 150 }), { maxLength: 60 }), async (lengths) => {
        const channel = textChannel();
        let accepted = 0;
        let read = 0;
        const pushing = lengths.map(async (length, n) => {
          await channel.push(`${n}`.padEnd(length, "x"));
          accepted += length;
        });
        void Promise.all(pushing).then(() => channel.close());
        if (lengths.length === 0) channel.close();
        const seen: number[] = [];
        for await (const text of channel.iterable) {
          read += text.length;
          seen.push(Number.parseInt(text, 10));
          await Promise.resolve();
          expect(accepted - read).toBeLessThanOrEqual(150);
        }
        expect(seen).toEqual(lengths.map((_, n) => n));
      }),
      { seed: 20_261_122, numRuns: 200 },
    );
  });
});
