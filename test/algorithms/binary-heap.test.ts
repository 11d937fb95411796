import { array, assert, constant, integer, oneof, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { BinaryHeap } from "../../src/algorithms/binary-heap.ts";

describe("BinaryHeap", () => {
  it("hands out what sorting would, whatever is pushed and popped in between", () => {
    const step = oneof({ weight: 3, arbitrary: integer({ min: 0, max: 99 }) }, constant("pop"));
    assert(
      property(array(step, { maxLength: 200 }), (steps) => {
        const heap = new BinaryHeap<number>((a, b) => a < b);
        let sorted: number[] = [];
        for (const each of steps) {
          if (typeof each === "number") {
            heap.push(each);
            sorted = [...sorted, each].toSorted((a, b) => a - b);
            continue;
          }
          expect(heap.peek()).toBe(sorted[0]);
          expect(heap.pop()).toBe(sorted.shift());
        }
        while (sorted.length > 0) expect(heap.pop()).toBe(sorted.shift());
        expect(heap.pop()).toBeUndefined();
        expect(heap.peek()).toBeUndefined();
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it("follows items whose standing changed once it is told", () => {
    assert(
      property(array(integer(), { maxLength: 60 }), array(integer(), { maxLength: 60 }), (a, b) => {
        const items = a.map((key) => ({ key }));
        const heap = new BinaryHeap<{ key: number }>((x, y) => x.key < y.key);
        for (const item of items) heap.push(item);
        for (const [index, item] of items.entries()) item.key = b[index] ?? item.key;
        heap.reorder();
        const taken = items.map(() => heap.pop()?.key);
        expect(taken).toEqual(items.map(({ key }) => key).toSorted((x, y) => x - y));
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});
