/**
 * What is remembered between the runs of one tenant, to guess with: the predictor, the budget, and how long after a turn
 * begins its first call is usually written. Lives as long as whoever holds it; forgetting is dropping it.
 */

import { CallBudget } from "./call-budget.ts";
import { CallPredictor } from "./call-predictor.ts";
import { PredictorTrust } from "./predictor-trust.ts";

/** Weight of the newest observation of a moving average. */
const NEWEST = 0.2;

/** Assumed before anything was measured. */
const FIRST_RUNWAY_MS = 1_000;

/** See above. */
export class TenantMemory {
  readonly predictor = new CallPredictor();
  readonly budget = new CallBudget();
  /** How far a predictor that was given besides is trusted. */
  readonly trust = new PredictorTrust();
  #runwayMs = FIRST_RUNWAY_MS;

  /** Expected time from the beginning of a turn until the model has begun its first call. */
  get runwayMs(): number {
    return this.#runwayMs;
  }

  /** A turn's first call was begun so long after the turn. */
  observeRunway(ms: number): void {
    this.#runwayMs += NEWEST * (ms - this.#runwayMs);
  }
}
