/**
 * A quantile sketch that forgets: how long most of the recent values were, in constant space.
 *
 * DDSketch: a value x falls into bucket i = ⌈log_γ x⌉ with γ = (1 + α) / (1 − α), and every value of bucket i lies within
 * the relative error α of 2γ^i / (γ + 1). Source: C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable
 * quantile sketch with relative-error guarantees", PVLDB 12 (12), 2019. Old values lose weight by forward decay: a value
 * seen at time t weighs 2^((t − t₀) / half-life), so nothing is touched as time passes. Source: G. Cormode, V. Shkapenyuk,
 * D. Srivastava, B. Xu, "Forward decay", ICDE 2009.
 */

/** What a sketch can tell apart. Values outside `least` to `most` count as the nearer of the two. */
export interface SketchRange {
  /** α: how far off a quantile may be, as a share of it; above 0 and below 1. */
  readonly relativeError: number;
  /** Above 0. */
  readonly least: number;
  readonly most: number;
  /** Time after which a value counts half. */
  readonly halfLifeMs: number;
}

/** Half-lives after which all weights are scaled down, so that they stay far from the largest number there is. */
const RESCALE_AFTER = 64;

/** Quantiles of the values added, the newer the heavier. */
export class QuantileSketch {
  readonly #range: SketchRange;
  readonly #gamma: number;
  readonly #firstIndex: number;
  readonly #weights: Float64Array;
  #total = 0;
  /** t₀: when a new value weighs 1. */
  #landmarkMs: number | null = null;

  constructor(range: SketchRange) {
    this.#range = range;
    this.#gamma = (1 + range.relativeError) / (1 - range.relativeError);
    this.#firstIndex = this.#indexOf(range.least);
    this.#weights = new Float64Array(this.#indexOf(range.most) - this.#firstIndex + 1);
  }

  /** Counts `value`, seen at `nowMs`. */
  add(value: number, nowMs: number): void {
    const { least, most, halfLifeMs } = this.#range;
    this.#landmarkMs ??= nowMs;
    let halfLives = (nowMs - this.#landmarkMs) / halfLifeMs;
    if (halfLives > RESCALE_AFTER) {
      this.#scale(2 ** -halfLives);
      this.#landmarkMs = nowMs;
      halfLives = 0;
    }
    const weight = 2 ** halfLives;
    const index = this.#indexOf(Math.min(most, Math.max(least, value))) - this.#firstIndex;
    this.#weights[index] = (this.#weights[index] ?? 0) + weight;
    this.#total += weight;
  }

  /**
   * The smallest value that a share `q` (0 to 1) of the weight does not exceed, within the relative error; null before
   * the first value.
   */
  quantile(q: number): number | null {
    if (this.#total === 0) return null;
    const wanted = q * this.#total;
    let seen = 0;
    let last = 0;
    for (const [index, weight] of this.#weights.entries()) {
      if (weight === 0) continue;
      seen += weight;
      last = index;
      if (seen >= wanted) break;
    }
    const value = (2 * this.#gamma ** (last + this.#firstIndex)) / (this.#gamma + 1);
    return Math.min(this.#range.most, Math.max(this.#range.least, value));
  }

  #indexOf(value: number): number {
    return Math.ceil(Math.log(value) / Math.log(this.#gamma));
  }

  #scale(factor: number): void {
    this.#total = 0;
    for (const [index, weight] of this.#weights.entries()) {
      this.#weights[index] = weight * factor;
      this.#total += weight * factor;
    }
  }
}
