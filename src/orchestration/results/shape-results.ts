/**
 * Shapes the results of one model turn so that together they stay within the turn's tokens.
 *
 * What fits is handed on byte for byte. The room is shared by water-filling, so one huge result does not push out the
 * small ones: it is cut, its full value is kept under a handle, and the model is told both. Errors come first, because a
 * model that cannot read what went wrong repeats it. Whatever the limit, a result takes at least `MIN_RESULT_TOKENS`.
 *
 * A value that cannot be kept is cut all the same, without a handle: the run goes on with less.
 */

import { estimateTokens } from "../../algorithms/token-estimate.ts";
import { waterFill } from "../../algorithms/water-filling.ts";
import type { KeptResults } from "../ports.ts";
import { cutToTokens } from "./cut-to-tokens.ts";

/** What a result takes at least: its handle and nothing else. */
export const MIN_RESULT_TOKENS = 40;

/** Above everything `envelope` writes beside the cut value. */
const ENVELOPE_TOKENS = 56;

/** No text of this many UTF-16 units a token fits, but for one of mere white space. */
const MOST_UNITS_PER_TOKEN = 6;

/** Full values being kept at the same time: each is compressed and sealed, and a connection of its own. */
const KEPT_AT_ONCE = 4;

/** The result of one call, before it is shaped. */
export interface RawResult {
  readonly id: string;
  /** JSON text; null when the full value is not here but already kept under `handle`. */
  readonly json: string | null;
  /** Under which the full value is kept already, or null. */
  readonly handle: string | null;
  /** The tool's own limit, or null. */
  readonly maxTokens: number | null;
  /** It tells of a failure. */
  readonly isError: boolean;
  /** False for what can be asked for again more narrowly: then nothing is kept. */
  readonly isKept: boolean;
}

/** What shaping needs. */
export interface ShapePorts {
  readonly results: KeptResults;
  newId(prefix: string): string;
}

/**
 * The results as the model reads them, by call id and in the order given, in at most `maxTokens` together. Never rejects
 * for a value that cannot be kept or read back.
 */
export async function shapeResults(
  results: readonly RawResult[],
  maxTokens: number,
  ports: ShapePorts,
): Promise<ReadonlyMap<string, string>> {
  const sizes = results.map((result) => sizeOf(result, maxTokens));
  const shares = shareTokens(results, sizes, maxTokens);
  const contents = new Map(results.map(({ id, json }) => [id, json ?? ""]));
  const cut = results.filter((_, place) => (sizes[place] ?? 0) > (shares[place] ?? 0));
  const shareOf = new Map(results.map(({ id }, place) => [id, shares[place] ?? 0]));
  for (let next = 0; next < cut.length; next += KEPT_AT_ONCE) {
    const some = cut.slice(next, next + KEPT_AT_ONCE).map(async (result) => {
      contents.set(result.id, await cutResult(result, shareOf.get(result.id) ?? 0, ports));
    });
    await Promise.all(some);
  }
  return contents;
}

/** Estimated tokens; anything above `most` is `most` + 1. */
function sizeOf({ json }: RawResult, most: number): number {
  if (json === null || json.length > most * MOST_UNITS_PER_TOKEN) return most + 1;
  return Math.min(estimateTokens(json), most + 1);
}

function shareTokens(
  results: readonly RawResult[],
  sizes: readonly number[],
  maxTokens: number,
): readonly number[] {
  const least = sizes.map((size) => Math.min(size, MIN_RESULT_TOKENS));
  const wanted = results.map((result, place) =>
    Math.max(
      least[place] ?? 0,
      Math.min(sizes[place] ?? 0, result.maxTokens ?? maxTokens, maxTokens),
    ),
  );
  const ofErrors = results.map(({ isError }, place) => (isError ? (wanted[place] ?? 0) : 0));
  const ofOthers = results.map(({ isError }, place) => (isError ? 0 : (wanted[place] ?? 0)));
  const leastOfOthers = sum(
    results.map(({ isError }, place) => (isError ? 0 : (least[place] ?? 0))),
  );
  const errorShares = waterFill(ofErrors, Math.max(0, maxTokens - leastOfOthers));
  const otherShares = waterFill(ofOthers, Math.max(0, maxTokens - sum(errorShares)));
  return results.map((_, place) =>
    Math.max(least[place] ?? 0, (errorShares[place] ?? 0) + (otherShares[place] ?? 0)),
  );
}

async function cutResult(
  { json, handle: known, isKept, isError }: RawResult,
  tokens: number,
  ports: ShapePorts,
): Promise<string> {
  if (isError && json !== null) return cutToTokens(encoder.encode(json), tokens);
  const full = json ?? (known === null ? null : await ports.results.read(known));
  if (full === null) return LOST;
  const bytes = encoder.encode(full);
  // The value is cut before it is kept, so that what it is cut to depends on the value and the room alone.
  const cut = tokens >= ENVELOPE_TOKENS * 2 ? cutToTokens(bytes, tokens - ENVELOPE_TOKENS) : null;
  const wanted = known ?? (isKept ? ports.newId("res") : null);
  const hasHandle = wanted !== null && (known !== null || (await ports.results.keep(wanted, full)));
  return envelope(hasHandle ? wanted : null, bytes.length, cut);
}

const encoder = new TextEncoder();

const LOST = '{"error":{"code":"internal","message":"The result was lost.","status":"failed"}}';

/** What the model reads in place of a result that did not fit. */
function envelope(handle: string | null, bytes: number, cut: string | null): string {
  const members = [
    ...(handle === null ? [] : [`"handle":"${handle}"`]),
    ...(cut === null && handle !== null ? [] : [`"bytes":${bytes}`]),
    ...(cut === null ? [] : [`"cut":${cut}`]),
  ];
  return `{${members.join(",")}}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
