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
  ])("%j: tokenizer %i, estimate %i", (text, _real, estimate) => {
    expect(estimateTokens(text)).toBe(estimate);
  });

  it.each([
    ["\u2e80".repeat(40), 40],
    ["\u2e7f".repeat(40), 20],
    ["ж".repeat(40), 20],
    ["a".repeat(60), 10],
    ["A".repeat(61), 11],
    ["Abcdef", 1],
    ["1".repeat(30), 10],
    ["!".repeat(30), 20],
    ["a ".repeat(30), 36],
    [" ".repeat(30), 1],
  ])(
    "counts words by six letters, numbers by three digits, an ideograph each: %j",
    (text, tokens) => {
      expect(estimateTokens(text)).toBe(tokens);
    },
  );

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
