/**
 * Guessing: calls that are started while the model is still thinking, because it will probably make them. What it learns
 * lives in the object, so chats of one user share one, and dropping it forgets everything.
 */

import type { Predictor } from "../orchestration/speculation/predictor.ts";
import type { Speculation } from "../orchestration/speculation/speculator.ts";
import { TenantMemory } from "../orchestration/speculation/tenant-memory.ts";

/** How to guess. */
export interface GuessingOptions {
  /** Asked besides what was learned. Absent: nobody is. */
  readonly predictor?: Predictor;
  /** Wrong guesses allowed, as a share of the calls models make; 0.1 when absent. Nothing is guessed before some were made. */
  readonly budget?: number;
  /** Least probability of a guess, 0.05 to 1; 0.7 when absent. */
  readonly threshold?: number;
}

/** A memory to guess from, with its rules. Opaque: give it to `chat`. */
export type Guessing = Speculation;

/** Guesses for chats that share them. Only tools that read and are not observable are ever guessed. */
export function createGuessing(options: GuessingOptions = {}): Guessing {
  const { budget = 0.1, threshold = 0.7, predictor } = options;
  if (!(budget >= 0 && budget <= 1)) throw new RangeError("budget must be from 0 to 1.");
  if (!(threshold >= 0.05 && threshold <= 1))
    throw new RangeError("threshold must be from 0.05 to 1.");
  const asked = predictor === undefined ? {} : { predictor };
  return { memory: new TenantMemory(), budget, threshold, typicalMs: () => null, ...asked };
}
