/**
 * BM25: ranks documents by the words of a query. A word counts the more the rarer it is among the documents and the more
 * often it stands in one, with diminishing returns, and less in a longer document.
 *
 *   score(d, q) = Σ over the words w of q, each once:  idf(w) · f · (K1 + 1) / (f + K1 · (1 − B + B · |d| / avg|d|))
 *   idf(w)      = ln(1 + (N − n + 0.5) / (n + 0.5))
 *
 * f: times w stands in d; n: documents that have w; N: all documents. Source: Robertson and Zaragoza, "The Probabilistic
 * Relevance Framework: BM25 and Beyond" (2009), §3.4, with the idf of Lucene, which is never negative.
 */

/** How soon more of the same word stops counting. */
export const K1 = 1.2;

/** How much a document's length counts: 0 not at all, 1 in full. */
export const B = 0.75;

/** A document that has a word of the query. */
export interface RankedDocument {
  /** Its place in the list the index was made of. */
  readonly index: number;
  readonly score: number;
}

interface Posting {
  readonly index: number;
  readonly count: number;
}

/** Documents ready to be searched. */
export class Bm25Index {
  readonly #postings = new Map<string, Posting[]>();
  readonly #lengths: readonly number[];
  readonly #averageLength: number;

  /** Each document as its words, in any order; how often a word is in it counts. */
  constructor(documents: readonly (readonly string[])[]) {
    this.#lengths = documents.map(({ length }) => length);
    const total = this.#lengths.reduce((sum, length) => sum + length, 0);
    this.#averageLength = total / Math.max(1, documents.length);
    for (const [index, words] of documents.entries()) {
      const counts = new Map<string, number>();
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
      for (const [word, count] of counts) {
        const postings = this.#postings.get(word);
        if (postings === undefined) this.#postings.set(word, [{ index, count }]);
        else postings.push({ index, count });
      }
    }
  }

  /** The best documents, at most `most`, best first; of equals the earlier one. Those without any of the words are left out. */
  search(words: readonly string[], most: number): readonly RankedDocument[] {
    const scores = new Map<number, number>();
    for (const word of new Set(words)) {
      const postings = this.#postings.get(word) ?? [];
      const idf = idfOf(this.#lengths.length, postings.length);
      for (const { index, count } of postings) {
        const length = (this.#lengths[index] ?? 0) / this.#averageLength;
        const weight = (count * (K1 + 1)) / (count + K1 * (1 - B + B * length));
        scores.set(index, (scores.get(index) ?? 0) + idf * weight);
      }
    }
    return [...scores]
      .map(([index, score]) => ({ index, score }))
      .toSorted((left, right) => right.score - left.score || left.index - right.index)
      .slice(0, most);
  }
}

function idfOf(documents: number, having: number): number {
  return Math.log(1 + (documents - having + 0.5) / (having + 0.5));
}
