/** What an isolate knows of one target. */

import { describe, expect, it } from "vitest";

import { TargetState } from "../../src/resilience/target-state.ts";

describe("TargetState", () => {
  it("counts what is in flight, and forgets within a second of its end what was torn down", () => {
    const state = new TargetState();
    expect(state.inFlight(0)).toBe(0);
    const leave = state.begin(10_000);
    state.begin(1_500);
    expect(state.inFlight(1_000)).toBe(2);
    expect(state.inFlight(1_999)).toBe(2);
    expect(state.inFlight(2_000)).toBe(1);
    leave();
    leave();
    expect(state.inFlight(2_000)).toBe(0);
    state.begin(4_000);
    expect(state.inFlight(3_999)).toBe(1);
    state.begin(5_000);
    expect(state.inFlight(5_000)).toBe(0);
  });

  it("takes over what others measured, if it is newer", () => {
    const state = new TargetState();
    expect(state.peak).toBeNull();
    state.learn({ ms: 70, atMs: 1_000 });
    state.learn({ ms: 99, atMs: 1_000 });
    expect(state.expectedMs(5, 1_000)).toBe(70);
    state.learn({ ms: 50, atMs: 1_001 });
    expect(state.expectedMs(5, 1_001)).toBe(50);
  });

  it("takes back what a single failure has cost, not what two in a row have", () => {
    const once = new TargetState();
    once.succeed(100, 0);
    once.fail(9_000, 0);
    expect([once.expectedMs(1, 0), once.isFailing]).toEqual([9_000, true]);
    once.succeed(50, 0);
    expect([once.expectedMs(1, 0), once.isFailing]).toEqual([100, false]);
    const twice = new TargetState();
    twice.succeed(100, 0);
    twice.fail(9_000, 0);
    twice.fail(9_000, 0);
    twice.succeed(100, 0);
    expect(twice.expectedMs(1, 0)).toBe(9_000);
  });

  it("wants a second opinion a moment after a first failure, unless one is on its way", () => {
    const state = new TargetState();
    expect(state.wantsSecondOpinion(1_000)).toBe(false);
    state.fail(100, 1_000);
    expect(state.wantsSecondOpinion(1_249)).toBe(false);
    expect(state.wantsSecondOpinion(1_250)).toBe(true);
    const leave = state.begin(9_000);
    expect(state.wantsSecondOpinion(1_250)).toBe(false);
    leave();
    state.fail(100, 1_300);
    expect(state.wantsSecondOpinion(2_000)).toBe(false);
  });

  it("needs no comparison after five failures in a row", () => {
    const state = new TargetState();
    for (let n = 0; n < 4; n += 1) state.fail(100, 0);
    expect(state.hasFailedInRow).toBe(false);
    state.fail(100, 0);
    expect(state.hasFailedInRow).toBe(true);
    state.succeed(100, 0);
    expect(state.hasFailedInRow).toBe(false);
  });

  it("counts outcomes half after ten seconds", () => {
    const state = new TargetState();
    for (let n = 0; n < 8; n += 1) state.succeed(1, 1_000);
    for (let n = 0; n < 4; n += 1) state.fail(1, 1_000);
    expect(state.record(1_000)).toEqual({ succeeded: 8, failed: 4 });
    expect(state.record(11_000)).toEqual({ succeeded: 4, failed: 2 });
    // A clock that jumped back makes nothing heavier.
    expect(state.record(1_000)).toEqual({ succeeded: 4, failed: 2 });
  });

  it("is left out for longer each time in a row, comes back slowly, and begins anew once it was well for five minutes", () => {
    const state = new TargetState();
    expect([state.isEjected(0), state.share(0)]).toEqual([false, 1]);
    for (let n = 0; n < 5; n += 1) state.fail(100, 0);
    state.eject(0);
    expect([state.isEjected(0), state.isEjected(29_999), state.isEjected(30_000)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(state.record(0)).toEqual({ succeeded: 0, failed: 0 });
    expect([state.hasFailedInRow, state.isFailing]).toEqual([false, false]);
    expect([state.share(31_000), state.share(35_000), state.share(40_000)]).toEqual([0.1, 0.5, 1]);
    state.eject(330_000);
    expect([state.isEjected(389_999), state.isEjected(390_000)]).toEqual([true, false]);
    state.eject(690_001);
    expect([state.isEjected(720_000), state.isEjected(720_001)]).toEqual([true, false]);
  });
});
