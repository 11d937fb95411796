import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { BackoffNgram, type NgramOptions } from "../../src/algorithms/backoff-ngram.ts";

const WIDE: NgramOptions = { order: 2, halfLife: 1e9, maxHistories: 1_000, maxSymbols: 100 };

interface Seen {
  readonly history: readonly string[];
  readonly next: string;
}

/** The formula of the header, recursively, over a plain list of what was seen. */
function slowProbability(
  seen: readonly Seen[],
  history: readonly string[],
  possible: readonly string[],
  symbol: string,
): number {
  const own = seen.filter(
    (each) =>
      possible.includes(each.next) &&
      each.history.length >= history.length &&
      JSON.stringify(each.history.slice(each.history.length - history.length)) ===
        JSON.stringify(history),
  );
  const shorter =
    history.length === 0
      ? 1 / possible.length
      : slowProbability(seen, history.slice(1), possible, symbol);
  if (own.length === 0) return shorter;
  const kinds = new Set(own.map(({ next }) => next)).size;
  const count = own.filter(({ next }) => next === symbol).length;
  return (count + kinds * shorter) / (own.length + kinds);
}

const letter = fc.constantFrom("a", "b", "c");
const possibleLetters = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d"), { minLength: 1 });
const ALL = new Set(["a", "b", "c", "d", "e", "old", "new"]);
const seenList = fc.array(
  fc.record({ history: fc.array(letter, { maxLength: 2 }), next: letter }),
  { maxLength: 30 },
);

describe("BackoffNgram", () => {
  it("gives the probabilities of the formula", () => {
    fc.assert(
      fc.property(
        seenList,
        fc.array(letter, { maxLength: 2 }),
        possibleLetters,
        (seen, history, possible) => {
          const model = new BackoffNgram(WIDE);
          for (const { history: before, next } of seen) model.observe(before, next);
          const predictions = model.predict(history, new Set(possible), 10);
          expect(predictions).toHaveLength(possible.length);
          for (const { symbol, probability } of predictions)
            expect(probability).toBeCloseTo(slowProbability(seen, history, possible, symbol), 6);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  it("lists the likeliest first, together 1", () => {
    fc.assert(
      fc.property(seenList, fc.array(letter, { maxLength: 2 }), (seen, history) => {
        const model = new BackoffNgram(WIDE);
        for (const { history: before, next } of seen) model.observe(before, next);
        const all = model.predict(history, ALL, 10).map(({ probability }) => probability);
        expect(all).toEqual(all.toSorted((a, b) => b - a));
        expect(all.reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 6);
        expect(model.predict(history, ALL, 1)).toEqual(model.predict(history, ALL, 10).slice(0, 1));
      }),
      { seed: 8, numRuns: 300 },
    );
  });

  it("turns to what happens now: half the weight after as many observations as the half-life", () => {
    const model = new BackoffNgram({ ...WIDE, order: 0, halfLife: 4 });
    for (let n = 0; n < 40; n += 1) model.observe([], "old");
    for (let n = 0; n < 3; n += 1) model.observe([], "new");
    expect(model.predict([], ALL, 1)[0]?.symbol).toBe("old");
    for (let n = 0; n < 2; n += 1) model.observe([], "new");
    expect(model.predict([], ALL, 1)[0]?.symbol).toBe("new");
  });

  it("keeps no more histories and symbols than it may, and nothing when cleared", () => {
    const model = new BackoffNgram({ ...WIDE, maxHistories: 3, maxSymbols: 2 });
    for (const letterOf of ["a", "b", "c", "d", "e"]) model.observe([letterOf], letterOf);
    expect(model.size).toBe(3);
    const chances = model.predict([], ALL, 10).map(({ probability }) => probability);
    expect(chances.filter((chance) => chance > 1 / ALL.size)).toHaveLength(2);
    model.clear();
    expect(model.size).toBe(0);
    expect(model.predict([], new Set(["a", "b"]), 10)).toEqual([
      { symbol: "a", probability: 0.5 },
      { symbol: "b", probability: 0.5 },
    ]);
  });
});
