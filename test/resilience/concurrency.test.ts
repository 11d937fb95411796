/** Places at a target: who gets one, who waits, who is turned away. Time is moved by hand. */

import { describe, expect, it } from "vitest";

import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import {
  ConcurrencyLimit,
  type LimitMode,
  MAX_WAITING,
  type PlaceEnd,
} from "../../src/resilience/concurrency.ts";
import type { Tier } from "../../src/resilience/shedding.ts";

const HERE = new AbortController().signal;

function scene(mode: LimitMode) {
  const clock = new FakeClock();
  const limit = new ConcurrencyLimit(clock);
  const enter = (tier: Tier, signal = HERE, run = "r", forMs = 10_000) =>
    limit.enter({ mode, tier, run, endsAtMs: clock.now() + forMs }, signal);
  return { clock, limit, enter };
}

/** So many calls, one after the other, that end like this. */
async function calls(at: ReturnType<typeof scene>, count: number, tookMs: number, end: PlaceEnd) {
  for (let n = 0; n < count; n += 1) {
    const leave = await at.enter("agent_step");
    await at.clock.advance(tookMs);
    leave?.(end);
  }
}

describe("a fixed limit", () => {
  it("lets so many in and the next when one leaves, the important before those who came first", async () => {
    const { clock, limit, enter } = scene(2);
    const held = [await enter("background"), await enter("background")];
    const order: string[] = [];
    const waiting = (["spare", "background", "agent_step", "interactive"] as const).map(
      async (tier) => {
        const leave = await enter(tier);
        order.push(tier);
        leave?.("answered");
      },
    );
    await clock.settle();
    expect([order, limit.waiting]).toEqual([[], 4]);
    for (const leave of held) leave?.("answered");
    await Promise.all(waiting);
    expect(order).toEqual(["interactive", "agent_step", "background", "spare"]);
    expect([limit.waiting, clock.pending]).toEqual([0, 0]);
  });

  it("waits to the end of the attempt's time, not longer", async () => {
    const { clock, limit, enter } = scene(1);
    await enter("interactive");
    const second = enter("interactive", HERE, "r", 500);
    await clock.advance(499);
    expect(limit.waiting).toBe(1);
    await clock.advance(1);
    expect(await second).toBeNull();
    expect([limit.waiting, clock.pending]).toEqual([0, 0]);
  });

  it("lets a waiter go at once when its caller leaves, and that costs nothing", async () => {
    const { clock, limit, enter } = scene(1);
    const leave = await enter("interactive");
    const controller = new AbortController();
    const second = enter("interactive", controller.signal);
    await clock.settle();
    controller.abort();
    expect(await second).toBeNull();
    expect([limit.waiting, clock.pending]).toEqual([0, 0]);
    leave?.("answered");
    expect(await enter("spare")).not.toBeNull();
  });

  it("turns away the least important when the queue is full, or whoever comes and is no better", async () => {
    const { clock, limit, enter } = scene(1);
    await enter("interactive");
    const first = enter("background", HERE, "same");
    for (let n = 1; n < MAX_WAITING; n += 1) void enter("agent_step");
    await clock.settle();
    expect(limit.waiting).toBe(MAX_WAITING);
    expect(await enter("background", HERE, "same")).toBeNull();
    void enter("interactive");
    expect(await first).toBeNull();
    expect(limit.waiting).toBe(MAX_WAITING);
  });

  it("gets back the places of those who never come to give them back", async () => {
    const { clock, enter } = scene(1);
    await enter("interactive", HERE, "torn down", 1_000);
    await clock.advance(2_100);
    expect(await enter("spare")).not.toBeNull();
  });

  it("lets nobody in who has left before he came, and keeps no place for him", async () => {
    const { enter, limit } = scene(1);
    const leave = await enter("interactive");
    expect(await enter("interactive", AbortSignal.abort())).toBeNull();
    expect(limit.waiting).toBe(0);
    leave?.("answered");
    expect(await enter("spare")).not.toBeNull();
  });

  it("gives a place back that came in the moment its caller left", async () => {
    const { clock, enter } = scene(1);
    const leave = await enter("interactive");
    const controller = new AbortController();
    const second = enter("interactive", controller.signal);
    await clock.settle();
    leave?.("answered");
    controller.abort();
    expect(await second).toBeNull();
    expect(await enter("spare")).not.toBeNull();
  });

  it("lets the first come of one importance in first, after whoever waits already", async () => {
    const { clock, enter } = scene(1);
    const held = await enter("background");
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (number) => {
      const leave = await enter("background");
      if (leave !== null) order.push(number);
      leave?.("answered");
    });
    await clock.settle();
    held?.("answered");
    await Promise.all(waiting);
    expect(order).toEqual([1, 2, 3]);
  });

  it("gives a place back once only", async () => {
    const { limit, enter } = scene(1);
    const leave = await enter("interactive");
    leave?.("answered");
    await enter("interactive");
    leave?.("answered");
    void enter("interactive");
    expect(limit.waiting).toBe(1);
  });
});

describe("the adaptive limit", () => {
  it("sleeps while the target is well, however many there are and however long they take", async () => {
    const at = scene("adaptive");
    for (let n = 0; n < 1_000; n += 1) expect(await at.enter("spare")).not.toBeNull();
    await calls(at, 30, 50, "answered");
    await calls(at, 30, 500, "answered");
    expect(at.limit.limit("adaptive")).toBe(Infinity);
  });

  it("wakes when a fifth of the calls is dropped, and sleeps again after half a calm minute", async () => {
    const at = scene("adaptive");
    await calls(at, 20, 20, "answered");
    await calls(at, 20, 20, "dropped");
    expect(at.limit.limit("adaptive")).toBeLessThan(5);
    await calls(at, 400, 100, "answered");
    expect(at.limit.limit("adaptive")).toBe(Infinity);
  });

  it("stays awake while calls are refused, however few", async () => {
    const at = scene("adaptive");
    await calls(at, 20, 20, "answered");
    await calls(at, 20, 20, "dropped");
    for (let n = 0; n < 35; n += 1) {
      await calls(at, 9, 100, "answered");
      await calls(at, 1, 100, "dropped");
    }
    expect(at.limit.limit("adaptive")).toBeLessThan(Infinity);
  });

  it("turns away after a time in which a target like this would have answered", async () => {
    const at = scene("adaptive");
    await calls(at, 20, 100, "answered");
    await calls(at, 20, 100, "dropped");
    const places = at.limit.limit("adaptive");
    for (let n = 0; n < places; n += 1) await at.enter("agent_step");
    const late = at.enter("agent_step");
    await at.clock.advance(199);
    expect(at.limit.waiting).toBe(1);
    await at.clock.advance(2);
    expect(await late).toBeNull();
  });
});

describe("what wakes the adaptive limit", () => {
  const isAwake = (at: ReturnType<typeof scene>): boolean =>
    at.limit.limit("adaptive") !== Infinity;

  it("is more than a fifth of ten calls", async () => {
    const at = scene("adaptive");
    await calls(at, 8, 20, "answered");
    await calls(at, 2, 20, "dropped");
    expect(isAwake(at)).toBe(false);
    await calls(at, 7, 20, "answered");
    await calls(at, 2, 20, "dropped");
    expect(isAwake(at)).toBe(false);
    await calls(at, 1, 20, "dropped");
    expect(isAwake(at)).toBe(true);
  });

  it("is nothing that lasts less than a tenth of a second", async () => {
    const at = scene("adaptive");
    await calls(at, 10, 20, "answered");
    await calls(at, 19, 5, "dropped");
    expect(isAwake(at)).toBe(false);
    await calls(at, 1, 5, "dropped");
    expect(isAwake(at)).toBe(true);
  });

  it("is nothing that is spread over more than ten seconds", async () => {
    const at = scene("adaptive");
    await calls(at, 10, 20, "answered");
    await calls(at, 9, 1_200, "dropped");
    expect(isAwake(at)).toBe(false);
    await calls(at, 8, 1_200, "dropped");
    expect(isAwake(at)).toBe(false);
    await calls(at, 1, 300, "dropped");
    expect(isAwake(at)).toBe(true);
  });

  it("is no call that is told twice", async () => {
    const at = scene("adaptive");
    await calls(at, 10, 20, "answered");
    for (let n = 0; n < 9; n += 1) {
      const leave = await at.enter("agent_step");
      await at.clock.advance(20);
      for (let times = 0; times < 3; times += 1) leave?.("dropped");
    }
    expect(isAwake(at)).toBe(false);
  });

  it("is no call that says nothing", async () => {
    const at = scene("adaptive");
    await calls(at, 40, 20, "ignored");
    expect(isAwake(at)).toBe(false);
  });
});

describe("patience at the adaptive limit", () => {
  /** Calls took so long before the target was overloaded; all places are taken. */
  async function crowded(tookMs: number) {
    const at = scene("adaptive");
    await calls(at, 20, tookMs, "answered");
    await calls(at, 20, tookMs, "dropped");
    const places = at.limit.limit("adaptive");
    for (let n = 0; n < places; n += 1) await at.enter("agent_step", HERE, "r", 99_999);
    return at;
  }

  it.each([
    ["interactive", 100, 400],
    ["background", 100, 200],
    ["background", 10, 50],
  ] as const)("of %s calls that take %i ms is %i ms", async (tier, tookMs, waitMs) => {
    const at = await crowded(tookMs);
    const waiting = at.enter(tier);
    await at.clock.advance(waitMs - 1);
    expect(at.limit.waiting).toBe(1);
    await at.clock.advance(1);
    expect(await waiting).toBeNull();
    expect(at.clock.pending).toBe(0);
  });

  it("ends with the attempt", async () => {
    const at = await crowded(100);
    const waiting = at.enter("interactive", HERE, "r", 30);
    await at.clock.advance(30);
    expect(await waiting).toBeNull();
  });
});
