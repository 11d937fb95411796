/**
 * How often a predictor was right, tool by tool: the mean of a Beta distribution over its calls that the model then made,
 * earlier ones forgotten by half every `HALF_LIFE` calls. It begins with some credit, so that it is tried at all; one that
 * has lost it is asked only now and then, to see whether it has become better.
 */

/** Foretold calls of a tool after which an earlier one weighs half. */
export const HALF_LIFE = 32;

/** A tool it has not foretold yet: Beta(4, 1). */
const PRIOR_HITS = 4;
const PRIOR_MISSES = 1;

/** Turns without a question to a predictor that is trusted with no tool. */
export const REST_TURNS = 16;

/** Tools remembered; the one foretold the longest time ago leaves. */
export const MAX_TRUSTED_TOOLS = 256;

interface Tally {
  hits: number;
  misses: number;
}

/** What is remembered of one predictor. */
export class PredictorTrust {
  readonly #tallies = new Map<string, Tally>();
  #rested = 0;

  /** The chance that a call of the tool which it foretells is made. */
  chanceOf(tool: string): number {
    const { hits, misses } = this.#tallies.get(tool) ?? { hits: 0, misses: 0 };
    return (hits + PRIOR_HITS) / (hits + misses + PRIOR_HITS + PRIOR_MISSES);
  }

  /** Whether to ask it this turn, when a guess needs a chance of `threshold`. */
  isWorthAsking(threshold: number): boolean {
    const chances = [...this.#tallies.keys()].map((tool) => this.chanceOf(tool));
    if (chances.length === 0 || chances.some((chance) => chance >= threshold)) return true;
    this.#rested += 1;
    if (this.#rested <= REST_TURNS) return false;
    this.#rested = 0;
    return true;
  }

  /** It foretold a call of the tool, which was made or was not. */
  observe(tool: string, wasMade: boolean): void {
    const keep = 2 ** (-1 / HALF_LIFE);
    const { hits, misses } = this.#tallies.get(tool) ?? { hits: 0, misses: 0 };
    this.#tallies.delete(tool);
    this.#tallies.set(tool, {
      hits: hits * keep + (wasMade ? 1 : 0),
      misses: misses * keep + (wasMade ? 0 : 1),
    });
    const [oldest] = this.#tallies.keys();
    if (this.#tallies.size > MAX_TRUSTED_TOOLS && oldest !== undefined)
      this.#tallies.delete(oldest);
  }
}
