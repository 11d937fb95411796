import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { estimateTokens } from "../../src/algorithms/token-estimate.ts";

const encoder = new TextEncoder();

describe("estimateTokens", () => {
  // The right column is what o200k_base makes of the text, counted once with its own tokenizer.
  it.each([
    ["", 0, 0],
    ["The quick brown fox jumps over the lazy dog.", 10, 12],
    ['{"id":12345,"name":"Paris","temperature_c":21.5}', 17, 22],
    ["Die Katze sitzt auf dem Dach und schläft.", 10, 12],
    ["3.14159265358979", 7, 7],
    ["\u2e80\u2e80\u2e80\u2e80", 4, 4],
  ])("%j: tokenizer %i, estimate %i", (text, _real, estimate) => {
    expect(estimateTokens(text)).toBe(estimate);
  });

  it("is never above the bytes of a text, and never falls when text is added", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, more) => {
        const tokens = estimateTokens(text);
        expect(tokens).toBeLessThanOrEqual(encoder.encode(text).length);
        expect(estimateTokens(text + more)).toBeGreaterThanOrEqual(tokens);
      }),
      { seed: 20_261_122, numRuns: 500 },
    );
  });
});
