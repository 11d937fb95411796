import { describe, expect, it } from "vitest";

import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import { Watchdog } from "../../../src/orchestration/schedule/watchdog.ts";

/** A watchdog that notes when it called. */
function watchdog(next: () => number = () => Infinity) {
  const clock = new FakeClock();
  const begin = clock.now();
  const calledAt: number[] = [];
  const dog = new Watchdog(clock, () => {
    calledAt.push(clock.now() - begin);
    return next();
  });
  return { clock, calledAt, dog, watch: (ms: number) => dog.watch(begin + ms) };
}

describe("Watchdog", () => {
  it("calls once, at the earliest of the moments it was told, with one timer", async () => {
    const { clock, calledAt, watch } = watchdog();
    for (const ms of [300, 100, 200]) watch(ms);
    await clock.settle();
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    expect([calledAt, clock.pending]).toEqual([[100], 0]);
  });

  it("calls again at the moment its owner names, and at one that is named later", async () => {
    const moments = [1_250, Infinity, Infinity];
    const { clock, calledAt, watch } = watchdog(() => moments.shift() ?? Infinity);
    const begin = clock.now();
    moments[0] = begin + 250;
    watch(100);
    await clock.advance(500);
    expect(calledAt).toEqual([100, 250]);
    watch(600);
    await clock.advance(500);
    expect(calledAt).toEqual([100, 250, 600]);
  });

  it("calls at once for a moment that has come or is over", async () => {
    const { clock, calledAt, watch } = watchdog();
    watch(0);
    await clock.advance(0);
    watch(-50);
    await clock.advance(0);
    expect(calledAt).toEqual([0, 0]);
  });

  it("leaves no timer behind once it is closed, whatever moment is named then", async () => {
    const { clock, calledAt, dog, watch } = watchdog();
    watch(100);
    dog.close();
    watch(50);
    await clock.settle();
    expect(clock.pending).toBe(0);
    await clock.advance(1_000);
    expect(calledAt).toEqual([]);
  });
});
