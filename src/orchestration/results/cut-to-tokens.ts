/**
 * Cuts JSON down to a number of tokens.
 *
 * A cut is made in bytes, and how many tokens a byte is depends on the text: so a first cut is measured, and a second one
 * corrects it. What still does not fit after `MAX_ROUNDS` is cut to as many bytes as there are tokens, which always fits,
 * because no text is estimated above its bytes. Nothing random is in it: the same text and limit give the same bytes.
 */

import { estimateTokens } from "../../algorithms/token-estimate.ts";
import { createCut, MIN_CUT_BYTES } from "./cut-json.ts";

/** Where the search begins: about what JSON of real services has. */
const BYTES_PER_TOKEN = 3;

const MAX_ROUNDS = 4;

/** A cut this close to its limit is good enough. */
const GOOD_SHARE = 0.8;

/** Aims a little below the limit, because text is not everywhere alike. */
const AIM = 0.95;

/** `bytes` is valid JSON; the answer is JSON of at most `maxTokens` estimated tokens (at least `MIN_CUT_BYTES`). */
export function cutToTokens(bytes: Uint8Array, maxTokens: number): string {
  const cut = createCut(bytes);
  let maxBytes = maxTokens * BYTES_PER_TOKEN;
  let best = "";
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const text = cut(Math.max(MIN_CUT_BYTES, maxBytes));
    const tokens = estimateTokens(text);
    if (tokens <= maxTokens && text.length > best.length) best = text;
    const isGood = tokens <= maxTokens && (tokens >= maxTokens * GOOD_SHARE || round > 0);
    if (isGood) return best;
    maxBytes = Math.floor(maxBytes * AIM * (maxTokens / Math.max(1, tokens)));
  }
  return best === "" ? cut(Math.max(MIN_CUT_BYTES, maxTokens)) : best;
}
