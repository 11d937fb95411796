import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { B, Bm25Index, K1, type RankedDocument } from "../../src/algorithms/bm25.ts";

type Documents = readonly (readonly string[])[];

/** The formula of the module's header, word by word and document by document, without an index. */
function slowSearch(
  documents: Documents,
  query: readonly string[],
  most: number,
): RankedDocument[] {
  const average = documents.reduce((sum, words) => sum + words.length, 0) / documents.length;
  const scored = documents.map((words, index) => {
    let score = 0;
    let isFound = false;
    for (const word of new Set(query)) {
      const times = words.filter((each) => each === word).length;
      if (times === 0) continue;
      isFound = true;
      const having = documents.filter((other) => other.includes(word)).length;
      const idf = Math.log(1 + (documents.length - having + 0.5) / (having + 0.5));
      score += (idf * times * (K1 + 1)) / (times + K1 * (1 - B + (B * words.length) / average));
    }
    return { index, score, isFound };
  });
  return scored
    .filter(({ isFound }) => isFound)
    .toSorted((left, right) => right.score - left.score || left.index - right.index)
    .slice(0, most)
    .map(({ index, score }) => ({ index, score }));
}

const words = fc.array(fc.constantFrom("a", "b", "c", "d", "e", "f"), { maxLength: 12 });
const documents = fc.array(words, { minLength: 1, maxLength: 12 });

describe("Bm25Index", () => {
  it("scores as the formula does, for any documents and query", () => {
    fc.assert(
      fc.property(documents, words, fc.integer({ min: 1, max: 12 }), (all, query, most) => {
        const fast = new Bm25Index(all).search(query, 12);
        const slow = slowSearch(all, query, 12);
        const scoreOf = new Map(slow.map(({ index, score }) => [index, score]));
        expect(fast).toHaveLength(slow.length);
        for (const { index, score } of fast) expect(score).toBeCloseTo(scoreOf.get(index) ?? -1, 9);
        // Sums in another order may differ in their last bit, so equals may swap; the scores may not.
        for (const [place, { score }] of fast.entries())
          expect(score).toBeCloseTo(slow[place]?.score ?? -1, 9);
        expect(new Bm25Index(all).search(query, most)).toEqual(fast.slice(0, most));
      }),
      { seed: 25, numRuns: 500 },
    );
  });

  it("prefers rare words, more of them, and shorter documents", () => {
    const index = new Bm25Index([
      ["common", "common", "filler"],
      ["common", "rare", "filler"],
      ["common", "filler", "filler"],
      ["common", "filler", "filler", "filler", "filler"],
    ]);
    const order = (query: readonly string[]) => index.search(query, 9).map((each) => each.index);
    expect(order(["common", "rare"])).toEqual([1, 0, 2, 3]);
    expect(order(["common"])).toEqual([0, 1, 2, 3]);
    expect(order(["nothing"])).toEqual([]);
  });

  it("finds nothing in nothing", () => {
    expect(new Bm25Index([]).search(["a"], 5)).toEqual([]);
    expect(new Bm25Index([[], []]).search(["a"], 5)).toEqual([]);
  });
});
