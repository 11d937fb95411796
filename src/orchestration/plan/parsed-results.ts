/**
 * Results as values, each parsed once however many calls refer to it.
 *
 * A parsed value takes several times the room of its text, so only so much is held at once; what was left out is parsed
 * again when it is asked for.
 */

import type { CallResult } from "../../contract/run.ts";
import type { Json } from "../../platform/canonical-json.ts";

/** Text of results held parsed at the same time, in characters. */
export const MAX_PARSED_LENGTH = 8_388_608;

/** Results of one run, parsed on demand. */
export class ParsedResults {
  readonly #values = new Map<CallResult, Json>();
  #length = 0;

  /** The value of a result that succeeded; null when it has no output. */
  valueOf(result: CallResult): Json {
    const known = this.#values.get(result);
    if (known !== undefined) return known;
    const text = result.outputJson ?? "null";
    // Checked when the result came in: `outputJson` is JSON of bounded depth.
    const value: Json = JSON.parse(text);
    this.#values.set(result, value);
    this.#length += text.length;
    for (const oldest of this.#values.keys()) {
      if (this.#length <= MAX_PARSED_LENGTH || oldest === result) break;
      this.#values.delete(oldest);
      this.#length -= (oldest.outputJson ?? "null").length;
    }
    return value;
  }
}
