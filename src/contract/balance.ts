/** Balancing: what the targets of an upstream or a tool say about themselves, and how one of them is chosen. */

import * as z from "zod/mini";

/**
 * How a target is chosen. `peak_ewma`: least expected time × (calls in flight + 1) / weight. `weighted`: by chance.
 * `least_request`: fewest calls in flight for its weight. `softmax`: by chance, the cheaper by `peak_ewma` the likelier.
 * `bounded_hash`: the same conversation goes to the same target while that one is not overloaded. `priority`: the first.
 */
export const Strategy = z.enum([
  "peak_ewma",
  "weighted",
  "least_request",
  "softmax",
  "bounded_hash",
  "priority",
]);
/** How a target is chosen. */
export type Strategy = z.infer<typeof Strategy>;

/** A target as a choice sees it. */
export interface BalanceTarget {
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
  readonly failureDomain: string | null;
  readonly region: string | null;
}

/** Why a target was chosen, for `x-gw-debug`. */
export type ChoiceReason =
  /** There was no other. */
  | "only"
  /** All others were tried in this call or are out, or it shares what it may fail with with one that was tried. */
  | "last_resort"
  | "least_cost"
  | "drawn"
  | "hashed"
  | "first"
  /** Nobody has used it for a while. */
  | "explored"
  /** It failed once a moment ago; this tells whether that was chance. */
  | "second_opinion";

/** A target as it stood when a choice was made. */
export interface Considered {
  readonly id: string;
  readonly cost_ms: number;
  readonly in_flight: number;
  /** `same_region`, `same_domain`: as a target that was tried. `ejected`: left out as an outlier. `open`: its breaker is. */
  readonly state: "ready" | "same_region" | "same_domain" | "ejected" | "open" | "tried";
}
