/**
 * What comes next in a sequence of symbols, by counting what came next before: an n-gram model with interpolated
 * Witten-Bell smoothing and forgetting.
 *
 *   p(w | h) = (c(h, w) + T(h) · p(w | h')) / (c(h) + T(h))
 *
 * h' is the history without its oldest symbol, c counts, T(h) is the number of different symbols seen after h; a history never
 * seen hands over to the shorter one, the empty one to 1 / n for each of the n symbols that are possible. Only those
 * count: what was seen of others says nothing about which of the possible ones comes. Source: Witten and Bell, "The
 * zero-frequency problem", IEEE Trans. Information Theory 37(4), 1991; the form is that of Chen and Goodman, "An empirical
 * study of smoothing techniques for language modeling", 1998, eq. 16-17.
 *
 * Forgetting: before a history counts one more, its counts shrink by 2^(-1/halfLife), so what is unseen for halfLife
 * observations of that history weighs half. The least recently used history leaves when there are too many.
 */

/** Settings of a model. */
export interface NgramOptions {
  /** Longest history, in symbols. */
  readonly order: number;
  /** Observations of one history after which an earlier one weighs half. */
  readonly halfLife: number;
  /** Histories kept. */
  readonly maxHistories: number;
  /** Symbols kept after one history; the rarest leaves. */
  readonly maxSymbols: number;
}

/** A symbol and how likely it is next, 0 to 1. */
export interface Prediction {
  readonly symbol: string;
  readonly probability: number;
}

type Counts = Map<string, number>;

/** Below this a count is forgotten. */
const LEAST_COUNT = 1e-3;

/** See above. Not safe to share between tenants: it tells what was seen. */
export class BackoffNgram {
  readonly #options: NgramOptions;
  /** Counts by history, least recently used first. */
  readonly #histories = new Map<string, Counts>();

  constructor(options: NgramOptions) {
    this.#options = options;
  }

  /** Histories there is anything about. */
  get size(): number {
    return this.#histories.size;
  }

  /** Learns that `next` followed `history` (oldest first). */
  observe(history: readonly string[], next: string): void {
    for (const key of this.#keys(history)) {
      const counts = this.#histories.get(key) ?? new Map<string, number>();
      this.#histories.delete(key);
      this.#histories.set(key, counts);
      this.#count(counts, next);
    }
    while (this.#histories.size > this.#options.maxHistories) {
      const [oldest] = this.#histories.keys();
      if (oldest !== undefined) this.#histories.delete(oldest);
    }
  }

  /** The `most` likeliest of the `possible` symbols after `history`, likeliest first. Ties are in the order of the symbols' text. */
  predict(
    history: readonly string[],
    possible: ReadonlySet<string>,
    most: number,
  ): readonly Prediction[] {
    let probabilities = new Map([...possible].map((symbol) => [symbol, 1 / possible.size]));
    for (const key of this.#keys(history)) {
      const counts = this.#histories.get(key);
      if (counts !== undefined) probabilities = interpolate(counts, probabilities);
    }
    return [...probabilities]
      .map(([symbol, probability]) => ({ symbol, probability }))
      .toSorted((a, b) => b.probability - a.probability || (a.symbol < b.symbol ? -1 : 1))
      .slice(0, most);
  }

  /** Forgets everything. */
  clear(): void {
    this.#histories.clear();
  }

  /** Keys of the last 0, 1, … symbols of a history: the shortest first. */
  #keys(history: readonly string[]): readonly string[] {
    const longest = Math.min(this.#options.order, history.length);
    return Array.from({ length: longest + 1 }, (_, length) =>
      JSON.stringify(length === 0 ? [] : history.slice(-length)),
    );
  }

  #count(counts: Counts, next: string): void {
    const { halfLife, maxSymbols } = this.#options;
    const keep = 2 ** (-1 / halfLife);
    for (const [symbol, count] of counts) {
      if (count * keep < LEAST_COUNT) counts.delete(symbol);
      else counts.set(symbol, count * keep);
    }
    counts.set(next, (counts.get(next) ?? 0) + 1);
    if (counts.size > maxSymbols) {
      const [rarest] = [...counts].toSorted(([, a], [, b]) => a - b);
      if (rarest !== undefined) counts.delete(rarest[0]);
    }
  }
}

/** One level of the formula above: `shorter` is p(w | h'), with every possible symbol. */
function interpolate(counts: Counts, shorter: ReadonlyMap<string, number>): Map<string, number> {
  const seen = [...counts].filter(([symbol]) => shorter.has(symbol));
  const total = seen.reduce((sum, [, count]) => sum + count, 0);
  const kinds = seen.length;
  if (kinds === 0) return new Map(shorter);
  return new Map(
    [...shorter].map(([symbol, chance]) => {
      const own = counts.get(symbol) ?? 0;
      return [symbol, (own + kinds * chance) / (total + kinds)];
    }),
  );
}
