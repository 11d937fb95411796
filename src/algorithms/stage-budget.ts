/**
 * How long one stage of a chain may take when the whole chain has a deadline.
 *
 * Effective deadline: what must follow keeps the time it is expected to take, the stage may use the rest,
 * budget = left − following. A late stage so gets whatever the early ones did not use. When even the expected times do
 * not fit, all stages shrink alike: budget = left × own / (own + following). Both are equal when they just fit. Source:
 * B. Kao, H. Garcia-Molina, "Deadline assignment in a distributed soft real-time system", IEEE TPDS 8 (12), 1997
 * (strategies ED and, without slack, EQF).
 */

/** A stage about to start; all times in ms, `ownMs` above 0. */
export interface Stage {
  /** Until the deadline of the chain. */
  readonly leftMs: number;
  /** Expected time of the stage itself. */
  readonly ownMs: number;
  /** Expected time of the longest chain that needs it; 0 when nothing does. */
  readonly followingMs: number;
}

/** Time the stage may take, from 0 to all that is left. */
export function stageBudgetMs({ leftMs, ownMs, followingMs }: Stage): number {
  const share = (leftMs * ownMs) / (ownMs + followingMs);
  return Math.max(0, leftMs - followingMs, share);
}
