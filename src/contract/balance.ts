/** Balancing: what the targets of an upstream or a tool say about themselves, and how one of them is chosen. */

import * as z from "zod/mini";

import { GroupName, wholeNumber } from "./names.ts";

/** Targets of one upstream or tool. */
export const MAX_TARGETS = 16;

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

/** Fields that every kind of target has. */
export const TARGET_FIELDS = {
  /** Its share of the calls, compared to its siblings'. Absent: 1. */
  weight: z.optional(wholeNumber(1, 1_000)),
  /** Targets that name the same domain fail together, so what failed at one is next tried outside. */
  failure_domain: z.optional(GroupName),
  /** Where it is. After a failure another region is tried first. */
  region: z.optional(GroupName),
};

/** No two targets of a list have the same id. */
export function haveDistinctIds(targets: readonly { readonly id: string }[]): boolean {
  return new Set(targets.map(({ id }) => id)).size === targets.length;
}

/** A target as a choice sees it. */
export interface BalanceTarget {
  /** Names it to the choice and to its breaker; see `UpstreamSession`. */
  readonly id: string;
  /** Above 0. */
  readonly weight: number;
  readonly failureDomain: string | null;
  readonly region: string | null;
}

/** A target's own words as a choice sees them; `id` names it in its tenant. */
export function balanceTarget(
  id: string,
  target: {
    readonly weight?: number | undefined;
    readonly failure_domain?: string | undefined;
    readonly region?: string | undefined;
  },
): BalanceTarget {
  const { weight, failure_domain: failureDomain, region } = target;
  return {
    id,
    weight: weight ?? 1,
    failureDomain: failureDomain ?? null,
    region: region ?? null,
  };
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
export type Considered = {
  readonly id: string;
  readonly cost_ms: number;
  readonly in_flight: number;
  /** `same_region`, `same_domain`: as a target that was tried. `ejected`: left out as an outlier. `open`: its breaker is. */
  readonly state: "ready" | "same_region" | "same_domain" | "ejected" | "open" | "tried";
};

/** One choice, explained. */
export type ChoiceRecord = {
  readonly target: string;
  readonly strategy: Strategy;
  readonly reason: ChoiceReason;
  readonly candidates: readonly Considered[];
};
