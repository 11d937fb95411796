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

  it("asks for what its demand of late needs for one more life, a quarter more and two requests", () => {
    const holding = new RateHolding();
    for (let n = 0; n < 40; n += 1) holding.note(1, 0);
    expect(holding.wish(1000, 0)).toEqual({ left: 0, wants: 52, cost: 1, owed: 0 });
    expect(holding.wish(500, 0).wants).toBe(27);
    holding.accept(LENT, 0, 0, 0);
    expect(holding.wish(1000, 0)).toMatchObject({ left: 10, wants: 42 });
    // A second later the demand counts little more than a third, and the lease is over.
    expect(holding.wish(1000, 1000)).toMatchObject({ left: 0, wants: Math.ceil(50 / Math.E + 2) });
    const costly = new RateHolding();
    expect(costly.wish(1000, 0)).toMatchObject({ wants: 2, cost: 1 });
    costly.note(17, 0);
    expect(costly.wish(1000, 0)).toMatchObject({ wants: Math.ceil(17 * 1.25 + 6), cost: 3 });
  });

  it("asks again from half of its life on, or when more than half of it is spent", () => {
    const holding = new RateHolding();
    for (let n = 0; n < 40; n += 1) holding.note(1, 400);
    holding.accept(LENT, 0, 0, 0);
    expect([holding.isDue(1000, 400), holding.isDue(1000, 499)]).toEqual([false, false]);
    expect(holding.isDue(1000, 500)).toBe(true);
    holding.take(5);
    expect(holding.isDue(1000, 400)).toBe(false);
    holding.take(1);
    expect(holding.isDue(1000, 400)).toBe(true);
  });

  it("does not ask for a limit that is decided one by one, for two seconds", () => {
    const holding = new RateHolding();
    holding.accept({ ...LENT, isExact: true }, 0, 0, 0);
    expect(holding.holds(0)).toBe(false);
    for (let n = 0; n < 40; n += 1) holding.note(1, 2000);
    expect([holding.isDue(1000, 1999), holding.isDue(1000, 2000)]).toEqual([false, true]);
  });

  it("does not ask before a lease that was cut short may have more", () => {
    const holding = new RateHolding();
    holding.accept({ ...LENT, tokens: 0, waitMs: 700 }, 0, 0, 0);
    for (let n = 0; n < 40; n += 1) holding.note(1, 699);
    expect([holding.isDue(1000, 699), holding.isDue(1000, 700)]).toEqual([false, true]);
    expect(holding.standing(1, 699)).toEqual({ waitMs: 1 });
    expect(holding.standing(1, 700)).toBe("unknown");
    holding.accept(LENT, 0, 0, 10);
    holding.take(10);
    expect(holding.standing(1, 20)).toBe("unknown");
  });

  it("tells what it owes four times a second at most, until that was heard", () => {
    const holding = new RateHolding();
    expect(holding.owesSince(0)).toBe(false);
    holding.owe(5);
    expect([holding.owesSince(0), holding.isDue(1000, 0)]).toEqual([true, true]);
    expect(holding.wish(1000, 0).owed).toBe(5);
    expect([holding.owesSince(249), holding.owesSince(250)]).toEqual([false, true]);
    holding.owe(2);
    holding.accept(LENT, 5, 0, 10);
    expect(holding.wish(1000, 300).owed).toBe(2);
  });

  it("gives nothing back twice, and takes nothing back after its life", () => {
    const holding = new RateHolding();
    holding.owe(-4);
    expect([holding.wish(1000, 0).owed, holding.wish(1000, 0).owed]).toEqual([-4, 0]);
    holding.accept(LENT, -4, 0, 0);
    expect(holding.wish(1000, 0).owed).toBe(0);
    holding.take(3);
    holding.giveBack(2, 999);
    expect(holding.wish(1000, 999).left).toBe(9);
    holding.giveBack(2, 1000);
    holding.giveBack(2, -1);
    expect(holding.wish(1000, 999).left).toBe(9);
    holding.take(8);
    expect(holding.holds(999)).toBe(true);
    holding.giveBack(8, 999);
    holding.giveUp(999);
    expect([holding.holds(999), holding.owesSince(999)]).toEqual([false, true]);
    expect(holding.wish(1000, 999)).toMatchObject({ left: 0, owed: -9 });
  });

  it("adds what is left of a lease to the next one, not what is over", () => {
    const holding = new RateHolding();
    holding.accept(LENT, 0, 0, 0);
    holding.take(4);
    holding.accept(LENT, 0, 500, 510);
    expect(holding.wish(1000, 600).left).toBe(16);
    holding.accept(LENT, 0, 1600, 1610);
    expect(holding.wish(1000, 1700).left).toBe(10);
  });

  it("knows how the bucket stood when it last heard of it, and that it heard nothing before", () => {
    const holding = new RateHolding();
    expect(holding.known(50)).toMatchObject({ isKnown: false, remaining: 0, resetMs: 0 });
    holding.view(-7, 400, 100);
    expect(holding.known(150)).toEqual({
      isKnown: true,
      sinceMs: 50,
      remaining: 0,
      resetMs: 350,
    });
    expect(holding.known(501)).toMatchObject({ resetMs: 0 });
    expect(holding.known(99)).toMatchObject({ sinceMs: 0 });
  });

  it("gains no credit from a clock that goes back, nor from what it gives back", () => {
    const holding = new RateHolding();
    holding.accept(LENT, 0, 0, 1000);
    expect(holding.hasShare(1, 1100)).toBe(true);
    expect(holding.hasShare(2, 0)).toBe(false);
    holding.owe(-9);
    expect(holding.hasShare(2, 0)).toBe(false);
    expect(holding.hasShare(1, 0)).toBe(true);
  });
});
