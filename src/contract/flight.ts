/**
 * Flights: who of those who want the same result asks its tool. Words between an isolate and the tenant's `ResultCache`
 * object, which elects and never asks anybody itself. All plain data; sealed texts are opened by isolates only.
 */

/** How long a result may be used, ms from now; see `CacheEntry`. */
export interface ResultTimes {
  readonly staleMs: number;
  readonly keptMs: number;
}

/** What somebody who wants a result is told. */
export type FlightAnswer =
  /** Here it is. `isFirst`: nobody was given it before. */
  | { readonly kind: "found"; readonly sealed: string; readonly isFirst: boolean }
  /** Ask the tool; then `post` or `leave` under this ticket. `known` is what it may be asked to confirm. */
  | { readonly kind: "lead"; readonly ticket: string; readonly known: string | null }
  /** Somebody is asking; `wait` under this ticket, or `leave`. The one who asks must be done within `leaderMs`. */
  | { readonly kind: "wait"; readonly ticket: string; readonly leaderMs: number }
  /** Ask the tool for yourself. */
  | { readonly kind: "alone" };

/** One who wants a result. */
export interface FlightAsk {
  /** False: it is only asked for what is kept; nobody waits. */
  readonly elects: boolean;
  /** The call's time. A leader that has not come back by then has left. */
  readonly timeoutMs: number;
  /** The ticket of one who waited and comes again. */
  readonly ticket?: string;
}

/** How often results were invalidated: all together (`count`, which only grows), and by scope; scopes that never were are not named. */
export interface ResultGenerations {
  readonly count: number;
  readonly scopes: Readonly<Record<string, number>>;
}
