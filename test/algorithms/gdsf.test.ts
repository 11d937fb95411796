/** GDSF evicts exactly what a slow, obvious reading of its formula evicts. */

import {
  type Arbitrary,
  array,
  assert,
  constantFrom,
  integer,
  oneof,
  property,
  record,
} from "fast-check";
import { describe, expect, it } from "vitest";

import { GdsfCache } from "../../src/algorithms/gdsf.ts";

const key = constantFrom("a", "b", "c", "d", "e", "f");
const step = oneof(
  record({
    do: constantFrom("set" as const),
    key,
    size: integer({ min: 1, max: 9 }),
    cost: integer({ min: 1, max: 9 }),
  }),
  record({ do: constantFrom("get" as const), key }),
  record({ do: constantFrom("delete" as const), key }),
  record({ do: constantFrom("evict" as const) }),
);

type Step = typeof step extends Arbitrary<infer T> ? T : never;

interface Slow {
  readonly key: string;
  readonly size: number;
  readonly cost: number;
  frequency: number;
  priority: number;
}

/** All entries in a list in the order they came; every priority written out when it is due. */
class SlowGdsf {
  entries: Slow[] = [];
  clock = 0;

  get(wanted: string): boolean {
    const entry = this.entries.find((one) => one.key === wanted);
    if (entry === undefined) return false;
    entry.frequency += 1;
    entry.priority = this.clock + (entry.frequency * entry.cost) / entry.size;
    return true;
  }

  set(wanted: string, size: number, cost: number): void {
    const frequency = this.entries.find((one) => one.key === wanted)?.frequency ?? 1;
    this.delete(wanted);
    const priority = this.clock + (frequency * cost) / size;
    this.entries.push({ key: wanted, size, cost, frequency, priority });
  }

  delete(wanted: string): void {
    this.entries = this.entries.filter((one) => one.key !== wanted);
  }

  evict(): string | undefined {
    const least = Math.min(...this.entries.map(({ priority }) => priority));
    const entry = this.entries.find(({ priority }) => priority === least);
    if (entry === undefined) return undefined;
    this.clock = entry.priority;
    this.delete(entry.key);
    return entry.key;
  }
}

/** Takes a step with both; what each of them answers. */
function taken(fast: GdsfCache<string>, slow: SlowGdsf, each: Step): readonly unknown[] {
  switch (each.do) {
    case "set":
      fast.set(each.key, each.key, each.size, each.cost);
      slow.set(each.key, each.size, each.cost);
      return [];
    case "get":
      return [fast.get(each.key), slow.get(each.key) ? each.key : undefined];
    case "delete":
      fast.delete(each.key);
      slow.delete(each.key);
      return [];
    case "evict":
      return [fast.evict(), slow.evict()];
  }
}

describe("GdsfCache", () => {
  it("holds, counts and evicts as its formula says, whatever is asked in between", () => {
    assert(
      property(array(step, { maxLength: 120 }), (steps) => {
        const fast = new GdsfCache<string>();
        const slow = new SlowGdsf();
        for (const each of steps) {
          const [one, other] = taken(fast, slow, each);
          expect(one).toBe(other);
          expect(fast.count).toBe(slow.entries.length);
          expect(fast.size).toBe(slow.entries.reduce((sum, { size }) => sum + size, 0));
        }
        while (fast.count > 0) expect(fast.evict()).toBe(slow.evict());
        expect(fast.evict()).toBeUndefined();
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  it("keeps what is small, dear and often asked for", () => {
    const cache = new GdsfCache<number>();
    cache.set("large", 1, 100, 10);
    cache.set("small", 2, 1, 10);
    cache.set("dear", 3, 100, 2000);
    cache.set("popular", 4, 100, 10);
    for (let n = 0; n < 50; n += 1) cache.get("popular");
    expect([cache.evict(), cache.evict(), cache.evict(), cache.evict()]).toEqual([
      "large",
      "popular",
      "small",
      "dear",
    ]);
  });
});
