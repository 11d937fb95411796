import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import { denialMs, leaseLifeMs, leaseSize } from "../../src/algorithms/lease-size.ts";

const SEED = 20_261_123;

describe("leaseSize", () => {
  it("never lends more than there is, than was wanted, or than a fair share", () => {
    const amounts = fc.integer({ min: 0, max: 2000 });
    fc.assert(
      fc.property(
        fc.integer({ min: -50, max: 2000 }),
        fc.double({ min: 0.001, max: 10, noNaN: true }),
        amounts,
        amounts,
        fc.array(amounts, { maxLength: 8 }),
        (tokens, perMs, left, wants, others) => {
          const purse = { tokens, perMs, burst: 2000 };
          const size = leaseSize(purse, { left, wants, cost: 1 }, others, 500);
          expect(size.kind === "exact").toBe((perMs * 500) / (others.length + 1) < 4);
          if (size.kind === "exact") return;
          expect(size.tokens).toBeGreaterThanOrEqual(0);
          expect(size.tokens).toBeLessThanOrEqual(Math.min(wants, Math.max(0, tokens)));
          // Nobody who asks for less than the asker got is left short by it.
          const capacity = Math.max(0, tokens + perMs * 500);
          const smaller = others.filter((other) => other < left + size.tokens);
          const rest = smaller.reduce((sum, other) => sum + other, 0);
          const isFair = rest + left + size.tokens <= capacity + 1;
          expect(isFair || size.tokens === 0).toBe(true);
          const most = Math.min(wants, Math.ceil((2 * perMs * 500) / (others.length + 1)));
          expect(size.waitMs === 0).toBe(size.tokens === most);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("lends no trickle: at least half of an even share, or all that is wanted", () => {
    const purse = { tokens: 20, perMs: 1, burst: 100 };
    // 500 come in a lease; half an even share of five is 50.
    expect(leaseSize(purse, { left: 0, wants: 200, cost: 1 }, [200, 200, 200, 200], 500)).toEqual({
      kind: "lent",
      tokens: 0,
      waitMs: 30,
    });
    expect(leaseSize(purse, { left: 0, wants: 15, cost: 1 }, [200, 200, 200, 200], 500)).toEqual({
      kind: "lent",
      tokens: 15,
      waitMs: 0,
    });
  });

  it("lends from a bucket that holds less than half an even share", () => {
    // 150 come in a lease, and half an even share of one is 75; the bucket never holds more than 15.
    const purse = { tokens: 15, perMs: 0.3, burst: 15 };
    const wish = { left: 0, wants: 100, cost: 1 };
    expect(leaseSize(purse, wish, [], 500)).toMatchObject({ kind: "lent", tokens: 15 });
    expect(leaseSize({ ...purse, tokens: 7 }, wish, [], 500)).toMatchObject({ tokens: 7 });
    expect(leaseSize({ ...purse, tokens: 6 }, wish, [], 500)).toMatchObject({ tokens: 0 });
  });

  it("is exact where a share is less than four requests", () => {
    // Ten come in a lease.
    const purse = { tokens: 100, perMs: 0.02, burst: 100 };
    expect(leaseSize(purse, { left: 0, wants: 5, cost: 3 }, [], 500).kind).toBe("exact");
    expect(leaseSize(purse, { left: 0, wants: 5, cost: 2 }, [], 500).kind).toBe("lent");
    expect(leaseSize(purse, { left: 0, wants: 5, cost: 1 }, [5], 500).kind).toBe("lent");
    expect(leaseSize(purse, { left: 0, wants: 5, cost: 1 }, [5, 5], 500).kind).toBe("exact");
    const four = { tokens: 100, perMs: 0.008, burst: 100 };
    expect(leaseSize(four, { left: 0, wants: 5, cost: 1 }, [], 500).kind).toBe("lent");
  });
});

describe("denialMs", () => {
  it("lasts until what is wanted has come, a quarter of a second at least, unless the bucket overflows before", () => {
    expect(denialMs({ tokens: 0, perMs: 0.1, burst: 1000 }, 50)).toBe(500);
    expect(denialMs({ tokens: -10, perMs: 0.1, burst: 1000 }, 50)).toBe(600);
    expect(denialMs({ tokens: 0, perMs: 1, burst: 1000 }, 50)).toBe(250);
    expect(denialMs({ tokens: 0, perMs: 1, burst: 400 }, 50)).toBe(100);
    expect(denialMs({ tokens: 100, perMs: 0.001, burst: 1 }, 50)).toBe(250);
  });
});

describe("leaseLifeMs", () => {
  it.each([
    [0, 500],
    [125, 500],
    [126, 504],
    [1250, 5000],
    [9999, 5000],
  ])("of a round trip of %i ms is %i ms", (roundTripMs, lifeMs) => {
    expect(leaseLifeMs(roundTripMs)).toBe(lifeMs);
  });
});
