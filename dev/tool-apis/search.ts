/**
 * Web search over the bundled corpus, ranked by BM25 (Robertson and Zaragoza 2009, "The Probabilistic Relevance
 * Framework", §3; k1 = 1.2, b = 0.75). The title counts twice.
 */

import corpus from "../corpus.json" with { type: "json" };
import { wordsOf } from "../words.ts";

/** One text found. */
export interface SearchHit {
  readonly title: string;
  readonly url: string;
  readonly snippet: string;
  readonly score: number;
}

const K1 = 1.2;
const B = 0.75;

const DOCUMENTS = corpus.map((text) => {
  const words = wordsOf(`${text.title} ${text.title} ${text.text}`);
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return { text, counts, length: words.length };
});
const AVERAGE_LENGTH = DOCUMENTS.reduce((sum, { length }) => sum + length, 0) / DOCUMENTS.length;

/** The best texts for a query, best first; none when no word matches. */
export function search(query: string, limit: number): SearchHit[] {
  const words = [...new Set(wordsOf(query))];
  return DOCUMENTS.map((one) => ({
    one,
    score: words.reduce((sum, word) => sum + weight(word, one), 0),
  }))
    .filter(({ score }) => score > 0)
    .toSorted((left, right) => right.score - left.score)
    .slice(0, limit)
    .map(({ one, score }) => ({
      title: one.text.title,
      url: `https://corpus.example/${one.text.id}`,
      snippet: one.text.text,
      score: Math.round(score * 1000) / 1000,
    }));
}

function weight(word: string, document: (typeof DOCUMENTS)[number]): number {
  const count = document.counts.get(word) ?? 0;
  if (count === 0) return 0;
  const holding = DOCUMENTS.filter(({ counts }) => counts.has(word)).length;
  const rarity = Math.log(1 + (DOCUMENTS.length - holding + 0.5) / (holding + 0.5));
  const norm = K1 * (1 - B + (B * document.length) / AVERAGE_LENGTH);
  return (rarity * count * (K1 + 1)) / (count + norm);
}
