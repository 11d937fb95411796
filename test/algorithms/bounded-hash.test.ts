import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { boundedHash, type HashTarget, LOAD_EXCESS } from "../../src/algorithms/bounded-hash.ts";

const SEED = { seed: 20_261_123, numRuns: 300 };

function idle(count: number): HashTarget[] {
  return Array.from({ length: count }, (_, index) => ({ id: `t${index}`, weight: 1, inFlight: 0 }));
}

describe("boundedHash", () => {
  it("never takes a target beyond its bound, and always finds one", () => {
    const target = fc.record({
      weight: fc.integer({ min: 1, max: 5 }),
      inFlight: fc.nat({ max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(target, { minLength: 1, maxLength: 16 }), fc.string(), (drawn, key) => {
        const targets = drawn.map((each, index) => ({ id: `t${index}`, ...each }));
        const index = boundedHash(key, targets);
        const calls = targets.reduce((sum, { inFlight }) => sum + inFlight, 1);
        const weights = targets.reduce((sum, { weight }) => sum + weight, 0);
        const taken = targets[index];
        const share = (calls * (taken?.weight ?? 0)) / weights;
        expect((taken?.inFlight ?? Infinity) + 1).toBeLessThanOrEqual(
          Math.ceil((1 + LOAD_EXCESS) * share),
        );
      }),
      SEED,
    );
  });

  it("takes the same target for the same key, and moves only the keys of one that goes", () => {
    const before = idle(8);
    const after = before.filter(({ id }) => id !== "t3");
    let moved = 0;
    let strayed = 0;
    for (let key = 0; key < 2_000; key += 1) {
      const was = before[boundedHash(`key ${key}`, before)]?.id;
      const is = after[boundedHash(`key ${key}`, after)]?.id;
      if (was === "t3") moved += 1;
      else if (is !== was) strayed += 1;
    }
    expect(strayed).toBe(0);
    expect(moved).toBeGreaterThan(180);
    expect(moved).toBeLessThan(330);
  });

  it("gives keys out by weight", () => {
    const targets = [
      { id: "a", weight: 1, inFlight: 0 },
      { id: "b", weight: 3, inFlight: 0 },
    ];
    let heavy = 0;
    for (let key = 0; key < 4_000; key += 1) heavy += boundedHash(`key ${key}`, targets);
    expect(heavy / 4_000).toBeGreaterThan(0.7);
    expect(heavy / 4_000).toBeLessThan(0.8);
  });

  it("goes to the next of the ranking when the first is loaded, and back when it is not", () => {
    const targets = idle(4);
    const first = boundedHash("conversation", targets);
    const loaded = targets.map((target, index) => ({
      ...target,
      inFlight: index === first ? 9 : 0,
    }));
    expect(boundedHash("conversation", loaded)).not.toBe(first);
    expect(boundedHash("conversation", targets)).toBe(first);
    expect(boundedHash("conversation", [])).toBe(-1);
  });

  it("takes the same target in every release, or all conversations would lose their prompt caches at once", () => {
    const targets = idle(10);
    const taken = Array.from({ length: 30 }, (_, key) => boundedHash(`key ${key}`, targets));
    expect(taken.join("")).toBe("139888864569565533669812639959");
  });
});
