/**
 * Results of a run's earlier turns that later calls may refer to, by label. The last call with a label owns it. Only so
 * much is kept: beyond it the oldest are forgotten, and a reference to one is refused as if there had never been any.
 */

import type { CallResult } from "../../contract/run.ts";

/** Labels kept in one run. */
export const MAX_LABELS = 256;

/** Text of kept results, in characters. */
export const MAX_KEPT_LENGTH = 16_777_216;

/** The labelled results of one run. */
export class LabelledResults {
  readonly #byLabel = new Map<string, CallResult>();
  #length = 0;

  /** Keeps the result of a call that has ended. */
  keep(label: string, result: CallResult): void {
    this.#forget(label);
    this.#byLabel.set(label, result);
    this.#length += lengthOf(result);
    for (const oldest of this.#byLabel.keys()) {
      if (this.#byLabel.size <= MAX_LABELS && this.#length <= MAX_KEPT_LENGTH) break;
      this.#forget(oldest);
    }
  }

  /** The result of the last call with this label. */
  get(label: string): CallResult | undefined {
    return this.#byLabel.get(label);
  }

  /** The result of a call by its id. */
  byId(id: string): CallResult | undefined {
    for (const result of this.#byLabel.values()) if (result.id === id) return result;
    return undefined;
  }

  #forget(label: string): void {
    const result = this.#byLabel.get(label);
    if (result === undefined) return;
    this.#byLabel.delete(label);
    this.#length -= lengthOf(result);
  }
}

function lengthOf({ outputJson }: CallResult): number {
  return outputJson?.length ?? 0;
}
