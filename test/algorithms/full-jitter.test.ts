import { assert, double, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { fullJitterMs } from "../../src/algorithms/full-jitter.ts";

describe("fullJitterMs", () => {
  it("is drawn evenly from nothing to the doubled base, never above the cap", () => {
    const share = double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    assert(
      property(integer({ min: 1, max: 60 }), share, (attempt, drawn) => {
        const pauseMs = fullJitterMs(attempt, { baseMs: 100, capMs: 2_000 }, () => drawn);
        let top = 100;
        for (let n = 1; n < attempt; n += 1) top *= 2;
        expect(pauseMs).toBeCloseTo(drawn * (top > 2_000 ? 2_000 : top), 6);
      }),
      { seed: 11, numRuns: 500 },
    );
  });
});
