/**
 * Stand-in embeddings of the scripted model: each word adds to one of 64 places, chosen by its hash, and the whole is
 * brought to length 1. Texts with common words are near each other; it knows no meaning.
 */

import { listOf, parseJson, isObject, textOf, type UnknownObject } from "../http/json.ts";
import { wordsOf } from "../words.ts";

const DIMENSIONS = 64;

/** OpenAI's answer to a request for embeddings, or null when the request has no input. */
export function embed(body: string): UnknownObject | null {
  const request = parseJson(body);
  if (!isObject(request)) return null;
  const single = textOf(request, "input");
  const texts = single === null ? listOf(request, "input").map(String) : [single];
  if (texts.length === 0) return null;
  const isBase64 = request["encoding_format"] === "base64";
  const tokens = texts.reduce((sum, text) => sum + wordsOf(text).length, 0);
  return {
    object: "list",
    model: textOf(request, "model") ?? "",
    data: texts.map((text, index) => {
      const vector = vectorOf(text);
      return { object: "embedding", index, embedding: isBase64 ? base64(vector) : vector };
    }),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function vectorOf(text: string): readonly number[] {
  const sums = Array.from({ length: DIMENSIONS }, () => 0);
  for (const word of wordsOf(text)) {
    const place = hash(word) % DIMENSIONS;
    sums[place] = (sums[place] ?? 0) + 1;
  }
  const length = Math.hypot(...sums);
  return sums.map((sum) => (length === 0 ? 0 : sum / length));
}

/** FNV-1a, 32 bits. */
function hash(word: string): number {
  let value = 0x811c9dc5;
  for (const character of word) {
    value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  }
  return value >>> 0;
}

function base64(vector: readonly number[]): string {
  return Buffer.from(Float32Array.from(vector).buffer).toString("base64");
}
