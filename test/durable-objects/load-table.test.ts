/** What isolates tell their tenant's gate of their targets, and what the gate makes of it. */

import { describe, expect, it } from "vitest";

import { LoadTable, MAX_OBSERVERS } from "../../durable-objects/tenant-gate/load-table.ts";
import { MAX_LOADS, type TargetLoad } from "../../src/contract/exchange.ts";

const T0 = 1_000_000;

function load(target: string, ms: number, ageMs = 0): TargetLoad {
  return { target, ms, ageMs };
}

describe("LoadTable", () => {
  it("tells the mean of what isolates measured, the fresh counting for more", () => {
    const table = new LoadTable();
    table.take("one", { targets: [load("a", 100), load("b", 50)] }, T0);
    table.take("two", { targets: [load("a", 300)] }, T0);
    expect(table.answer(T0).targets).toEqual([load("b", 50), load("a", 200)]);
    table.take("two", { targets: [load("a", 1_000)] }, T0 + 20_000);
    const [, a] = table.answer(T0 + 20_000).targets;
    expect(a?.ms).toBeGreaterThan(800);
    expect(a).toMatchObject({ ageMs: 0 });
  });

  it("forgets what nobody has measured for half a minute", () => {
    const table = new LoadTable();
    table.take("one", { targets: [load("a", 100), load("b", 50, 10_000)] }, T0);
    expect(table.answer(T0 + 19_999).targets).toHaveLength(2);
    expect(table.answer(T0 + 20_000).targets).toEqual([load("a", 100, 20_000)]);
    expect(table.answer(T0 + 30_000).targets).toEqual([]);
  });

  it("keeps so many targets and isolates, and forgets those that were silent longest", () => {
    const table = new LoadTable();
    for (let n = 0; n <= MAX_LOADS; n += 1) table.take("one", { targets: [load(`t${n}`, n)] }, T0);
    const kept = table.answer(T0).targets;
    expect([kept.length, kept[0]?.target]).toEqual([MAX_LOADS, "t1"]);
    const crowd = new LoadTable();
    crowd.take("first", { targets: [load("a", 10_000)] }, T0);
    for (let n = 1; n < MAX_OBSERVERS; n += 1) crowd.take(`${n}`, { targets: [load("a", 0)] }, T0);
    expect(crowd.answer(T0).targets[0]?.ms).toBeGreaterThan(0);
    crowd.take("last", { targets: [load("a", 0)] }, T0);
    expect(crowd.answer(T0).targets[0]?.ms).toBe(0);
  });
});
