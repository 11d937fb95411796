/**
 * The usage a provider counted, found at the end of bytes that are only handed on: embeddings, images and plain completions
 * say it last, in a JSON object or in the last event of a stream. Nothing but the last bytes is held.
 */

import { isJsonObject, type JsonObject } from "../platform/canonical-json.ts";
import { parseJson } from "./json-member.ts";

/** Bytes of an answer's end that are looked at. */
export const TAIL_BYTES = 4096;

/** The end of one answer. */
export class UsageTail {
  #tail = new Uint8Array(0);

  /** Takes the next bytes. */
  take(bytes: Uint8Array): void {
    if (bytes.byteLength >= TAIL_BYTES) {
      this.#tail = bytes.slice(-TAIL_BYTES);
      return;
    }
    const kept = this.#tail.subarray(-(TAIL_BYTES - bytes.byteLength));
    const tail = new Uint8Array(kept.byteLength + bytes.byteLength);
    tail.set(kept);
    tail.set(bytes, kept.byteLength);
    this.#tail = tail;
  }

  /** The last `"usage": {…}` there is, or null. */
  usage(): JsonObject | null {
    // Names and numbers are ASCII; what else is in the tail may be cut anywhere.
    const text = String.fromCharCode(...this.#tail);
    const from = text.lastIndexOf('"usage"');
    const begins = from === -1 ? -1 : text.indexOf("{", from);
    if (begins === -1) return null;
    for (let ends = text.indexOf("}", begins); ends !== -1; ends = text.indexOf("}", ends + 1)) {
      const usage = parseJson(text.slice(begins, ends + 1));
      if (isJsonObject(usage)) return usage;
    }
    return null;
  }
}
