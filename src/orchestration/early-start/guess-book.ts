/**
 * Calls of one turn that were started on a guess, and which of them the model then made. A guess is known by tool and
 * arguments alone, is joined at most once, and counts as a hit only as long as the call that joined it stands.
 */

import type { PlannedCall } from "../../contract/planned-call.ts";
import { canonicalJson } from "../../platform/canonical-json.ts";

/** What became of the guesses of a turn. */
export interface GuessCount {
  readonly guesses: number;
  /** Those the model made. */
  readonly hits: number;
  /** How much sooner the hits ended for having been guessed. */
  readonly savedMs: number;
}

/** See above. */
export class GuessBook {
  readonly #open = new Map<string, { readonly node: string; readonly startedAtMs: number }>();
  /** How long each joined guess ran before it was asked for. */
  readonly #headStarts = new Map<string, number>();
  #guesses = 0;
  #savedMs = 0;

  /** Counts on while the turn goes on. */
  get count(): GuessCount {
    return { guesses: this.#guesses, hits: this.#headStarts.size, savedMs: this.#savedMs };
  }

  /** Notes a guess and returns its id in the scheduler, or null when the same one is there already. */
  add(call: PlannedCall, nowMs: number): string | null {
    const sameness = samenessOf(call);
    if (this.#open.has(sameness)) return null;
    const node = `guess~${this.#guesses}`;
    this.#guesses += 1;
    this.#open.set(sameness, { node, startedAtMs: nowMs });
    return node;
  }

  /** The id of the guess that is this call, which is no guess any more; null when there is none. */
  join(call: PlannedCall, nowMs: number): string | null {
    const sameness = samenessOf(call);
    const guess = this.#open.get(sameness);
    if (guess === undefined) return null;
    this.#open.delete(sameness);
    this.#headStarts.set(guess.node, nowMs - guess.startedAtMs);
    return guess.node;
  }

  /** The call that joined `node` was not made after all; false when `node` was no guess. */
  part(node: string): boolean {
    return this.#headStarts.delete(node);
  }

  /** The ids of guesses nobody joined; they are forgotten. */
  takeRest(): readonly string[] {
    const rest = [...this.#open.values()].map(({ node }) => node);
    this.#open.clear();
    return rest;
  }

  /** The hits have ended: a head start saves no more than the call took. */
  settle(durationMs: (node: string) => number): void {
    for (const [node, headStartMs] of this.#headStarts)
      this.#savedMs += Math.min(headStartMs, durationMs(node));
  }
}

/** What a call is, whoever made it. */
function samenessOf({ tool, arguments: values }: PlannedCall): string {
  return `${tool} ${canonicalJson(values)}`;
}
