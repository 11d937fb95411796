/**
 * Predictor: a port that guesses which calls a model will make while it is still thinking, beside what is learned of its
 * tenant. Whatever it says is only a guess: it is weighed, bounded and hidden like any other.
 */

import type { JsonObject } from "../../platform/canonical-json.ts";
import type { MadeCall } from "./speculator.ts";

/** A call as it may come. */
export interface ForetoldCall extends MadeCall {
  /** What the predictor itself makes of it, 0 to 1; certain when absent. How often it was right weighs in as well. */
  readonly probability?: number;
}

/** What a predictor says of one turn. */
export interface Prediction {
  /** Likeliest first. */
  readonly calls: readonly ForetoldCall[];
  /** What asking it has cost, in the provider's own words; added up and told. */
  readonly usage?: JsonObject;
}

/** The port. */
export interface Predictor {
  /**
   * Says which calls will follow `request`, the chat completion request a model is being asked right now. When `signal`
   * aborts nobody wants to know any more: stop, and leave nothing open. A rejection is no prediction.
   */
  predict(request: JsonObject, signal: AbortSignal): Promise<Prediction>;
}
