import {
  array,
  assert,
  constantFrom,
  integer,
  nat,
  oneof,
  property,
  record,
  tuple,
} from "fast-check";
import { describe, expect, it } from "vitest";

import { DeficitRoundRobin } from "../../src/algorithms/deficit-round-robin.ts";

const FLOWS = ["a", "b", "c"] as const;
const QUANTUM = 10;

interface SlowFlow {
  readonly name: string;
  deficit: number;
  items: { readonly item: string; readonly cost: number }[];
}

/** The rule itself, spelled out with lists: visit the flows in a circle, top up, serve what can be paid. */
class SlowRounds {
  #flows: SlowFlow[] = [];
  #isTopped = false;

  set(name: string, item: string, cost: number): void {
    const flow = this.#flows.find((each) => each.name === name);
    if (flow === undefined) {
      if (this.#flows.length === 0) this.#isTopped = false;
      this.#flows.push({ name, deficit: 0, items: [{ item, cost }] });
      return;
    }
    const known = flow.items.some((each) => each.item === item);
    flow.items = known
      ? flow.items.map((each) => (each.item === item ? { item, cost } : each))
      : [...flow.items, { item, cost }];
  }

  delete(name: string, item: string): void {
    const index = this.#flows.findIndex((each) => each.name === name);
    const flow = this.#flows[index];
    if (flow === undefined) return;
    flow.items = flow.items.filter((each) => each.item !== item);
    if (flow.items.length > 0) return;
    this.#flows.splice(index, 1);
    if (index === 0) this.#isTopped = false;
  }

  next(): string | null {
    for (;;) {
      const [flow, ...others] = this.#flows;
      const [head, ...rest] = flow?.items ?? [];
      if (flow === undefined || head === undefined) return null;
      if (!this.#isTopped) flow.deficit += QUANTUM;
      this.#isTopped = head.cost <= flow.deficit;
      if (this.#isTopped) {
        flow.deficit -= head.cost;
        flow.items = [...rest, head];
        return head.item;
      }
      this.#flows = [...others, flow];
    }
  }
}

const itemOf = (flow: string, n: number) => `${flow}${n}`;
const change = record({ flow: constantFrom(...FLOWS), n: nat({ max: 2 }), cost: nat({ max: 35 }) });
const step = oneof(
  tuple(constantFrom("set" as const), change),
  tuple(constantFrom("delete" as const), change),
  tuple(constantFrom("next" as const, "next" as const, "next" as const), change),
);

describe("DeficitRoundRobin", () => {
  it("serves what the rule spelled out with lists serves", () => {
    assert(
      property(array(step, { maxLength: 150 }), (steps) => {
        const rounds = new DeficitRoundRobin<string>(QUANTUM);
        const slow = new SlowRounds();
        const served = steps.map(([kind, { flow, n, cost }]) => {
          if (kind === "next") return [rounds.next(), slow.next()];
          for (const each of [rounds, slow])
            if (kind === "set") each.set(flow, itemOf(flow, n), cost);
            else each.delete(flow, itemOf(flow, n));
          return [null, null];
        });
        expect(served.map(([item]) => item)).toEqual(served.map(([, item]) => item));
      }),
      { seed: 9, numRuns: 1_000 },
    );
  });

  it("serves flows that always have items alike, whatever these cost and however many there are", () => {
    const costs = array(integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
    assert(
      property(costs, costs, integer({ min: 1, max: 300 }), (a, b, served) => {
        const rounds = new DeficitRoundRobin<string>(QUANTUM);
        const costOf = new Map<string, number>();
        for (const [flow, list] of [
          ["a", a],
          ["b", b],
        ] as const) {
          for (const [n, cost] of list.entries()) {
            costOf.set(itemOf(flow, n), cost);
            rounds.set(flow, itemOf(flow, n), cost);
          }
        }
        const total = { a: 0, b: 0 };
        for (let n = 0; n < served; n += 1) {
          const item = rounds.next() ?? "";
          total[item.startsWith("a") ? "a" : "b"] += costOf.get(item) ?? Infinity;
        }
        const most = Math.max(...a, ...b);
        expect(Math.abs(total.a - total.b)).toBeLessThan(QUANTUM + 2 * most);
      }),
      { seed: 10, numRuns: 1_000 },
    );
  });

  it("has nothing to serve when it is empty, and forgets what a flow saved once it is gone", () => {
    const rounds = new DeficitRoundRobin<string>(QUANTUM);
    expect([rounds.isEmpty, rounds.next()]).toEqual([true, null]);
    rounds.set("a", "a1", 1);
    expect([rounds.isEmpty, rounds.next()]).toEqual([false, "a1"]);
    rounds.delete("a", "a1");
    rounds.delete("a", "a1");
    rounds.delete("nobody", "x");
    expect([rounds.isEmpty, rounds.next()]).toEqual([true, null]);
  });
});
