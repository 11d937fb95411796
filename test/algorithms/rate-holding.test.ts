import { describe, expect, it } from "vitest";

import { RateHolding } from "../../src/algorithms/rate-holding.ts";

const LENT = { tokens: 10, waitMs: 0, isExact: false, ttlMs: 1000, remaining: 5, resetMs: 100 };

describe("RateHolding", () => {
  it("is worth a lease from six requests in its life", () => {
    const holding = new RateHolding();
    for (let n = 0; n < 5; n += 1) holding.note(1, 0);
    expect(holding.isDue(1000, 0)).toBe(false);
    holding.note(1, 0);
    expect(holding.isDue(1000, 0)).toBe(true);
  });

  it("spends a lease from when it was asked for until its time is over, and no more", () => {
    const holding = new RateHolding();
    holding.accept(LENT, 0, 100, 150);
    expect(holding.standing(1, 99)).toBe("unknown");
    expect(holding.standing(10, 100)).toBe("held");
    expect(holding.standing(11, 100)).toBe("unknown");
    expect(holding.standing(10, 1099)).toBe("held");
    expect(holding.standing(1, 1100)).toBe("unknown");
    holding.take(4);
    expect(holding.standing(7, 200)).toBe("unknown");
    expect(holding.known(200)).toMatchObject({ remaining: 11, resetMs: 50 });
  });

  it("refuses by itself for as long as the gate said, but no more than two seconds", () => {
    const holding = new RateHolding();
    expect(holding.refused(3, 10, 250, 0)).toBe(250);
    expect(holding.standing(3, 249)).toEqual({ waitMs: 1 });
    expect(holding.standing(2, 100)).toBe("unknown");
    expect(holding.standing(3, 250)).toBe("unknown");
    expect(holding.refused(1, 9000, 250, 1000)).toBe(9000);
    expect(holding.standing(1, 2999)).toEqual({ waitMs: 7001 });
    expect(holding.standing(1, 3000)).toBe("unknown");
  });

  it("goes on at the rate of its last lease on credit, for a second's worth at most", () => {
    const holding = new RateHolding();
    expect(holding.hasShare(1, 5000)).toBe(false);
    holding.accept(LENT, 0, 0, 0);
    expect(holding.hasShare(1, 99)).toBe(false);
    expect(holding.hasShare(1, 100)).toBe(true);
    expect(holding.hasShare(10, 60_000)).toBe(true);
    expect(holding.hasShare(11, 90_000)).toBe(false);
    holding.owe(10);
    expect(holding.hasShare(1, 90_000)).toBe(false);
    expect(holding.wish(1000, 90_000).owed).toBe(10);
  });
});
