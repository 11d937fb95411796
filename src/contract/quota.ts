/** Quota: what an upstream's own headers say of how many more requests it takes. */

/** See above. */
export interface Quota {
  /** Requests a millisecond that are sure to be taken until then; null: they say nothing of requests. */
  readonly perMs: number | null;
  /** How long that holds. */
  readonly forMs: number;
  /** Something else that it counts, such as tokens, is used up. */
  readonly isSpent: boolean;
}
