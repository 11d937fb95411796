/** How long an attempt is waited for. */

import { describe, expect, it } from "vitest";

import { AttemptTimes, ENOUGH_ANSWERS } from "../../src/resilience/attempt-times.ts";

describe("AttemptTimes", () => {
  it("gives all the time there is until enough is known, then three times the slowest usual answer", () => {
    const times = new AttemptTimes();
    for (let n = 1; n < ENOUGH_ANSWERS; n += 1) times.answered(1_000, n);
    expect(times.timeoutMs(10_000)).toBe(10_000);
    times.answered(1_000, ENOUGH_ANSWERS);
    expect(times.timeoutMs(10_000)).toBeGreaterThan(2_800);
    expect(times.timeoutMs(10_000)).toBeLessThan(3_200);
    expect(times.timeoutMs(2_000)).toBe(2_000);
  });

  it("is never less than a second or a quarter of what is left, and doubles when attempts are given up", () => {
    const times = new AttemptTimes();
    for (let n = 0; n < 100; n += 1) times.answered(20, n);
    expect([times.timeoutMs(3_000), times.timeoutMs(40_000)]).toEqual([1_000, 10_000]);
    for (let n = 0; n < 100; n += 1) times.answered(1_000, n);
    const usual = times.timeoutMs(9_000);
    times.gaveUp();
    expect(times.timeoutMs(9_000)).toBeCloseTo(2 * usual, 0);
    for (let n = 0; n < 10; n += 1) times.answered(1_000, 100);
    expect(times.timeoutMs(9_000)).toBeCloseTo(usual, 0);
  });

  it("is not made longer by one answer in two hundred", () => {
    const times = new AttemptTimes();
    for (let n = 0; n < 1_000; n += 1) times.answered(n % 200 === 0 ? 3_000 : 100, n);
    expect(times.timeoutMs(3_900)).toBe(1_000);
  });
});
