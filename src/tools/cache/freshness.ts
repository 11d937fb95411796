/**
 * How long an answer may be kept: what the tool's definition allows, and never more than its server does.
 *
 * RFC 9111: `no-store` and `private` are not kept; `s-maxage`, `max-age` or `Expires` end the time sooner, less the `Age`
 * an answer arrives with; `no-cache`, and any directive that cannot be read, mean that the tool is asked before each use;
 * `must-revalidate` and RFC 5861's windows shorten how long it may answer when it is stale; an answer that varies by
 * something that is not in the key is not kept. An answer that says nothing is kept as its definition says.
 */

import type { ToolCache } from "../../contract/cache.ts";
import type { Validators } from "./cache-entry.ts";

/** Headers of an answer, names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** How long an answer is kept, ms from now, and by what it can be checked. */
export interface Life {
  readonly freshMs: number;
  /** After that. */
  readonly staleMs: number;
  /** Also after `freshMs`: how long the tool may be asked whether it still holds. */
  readonly checkedMs: number;
  readonly validators: Validators;
}

/** Refusals that are about the arguments: the same call is refused the same way for a while. */
const DEFINITE: ReadonlySet<number> = new Set([400, 404, 410, 414, 422]);

/** True for a status that says that these arguments are wrong, whoever asks and whenever. */
export function isDefiniteRefusal(status: number): boolean {
  return DEFINITE.has(status);
}

/** Longest validator that is kept, in characters. */
const MAX_VALIDATOR = 1024;

/** How long a result with these headers is kept, or null when it may not be. `ttlS` is what the definition allows it. */
export function lifeOf(
  cache: ToolCache,
  ttlS: number,
  headers: AnswerHeaders,
  nowMs: number,
): Life | null {
  const directives = directivesOf(headers["cache-control"] ?? "");
  if (directives.has("no-store") || directives.has("private")) return null;
  if (variesBeyondKey(headers["vary"] ?? "", cache)) return null;
  const mustCheck = directives.has("no-cache");
  const ttlMs = ttlS * 1000;
  const allowedMs = mustCheck ? 0 : lifetimeMs(directives, headers, nowMs);
  const freshMs = Math.min(ttlMs, allowedMs);
  const validators = validatorsOf(headers);
  const staleMs = mustCheck ? 0 : staleMsOf(cache, directives);
  // Worth a question for as long again as it may be kept at all.
  const checkedMs = Object.keys(validators).length === 0 ? 0 : ttlMs;
  if (freshMs + staleMs + checkedMs === 0) return null;
  return { freshMs, staleMs, checkedMs, validators };
}

function directivesOf(header: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const part of header.slice(0, 4096).split(",")) {
    const [name = "", value = ""] = part.split("=", 2);
    const key = name.trim().toLowerCase();
    const text = value.trim().replaceAll('"', "");
    const known = directives.get(key);
    // Said twice, the shorter time holds.
    if (known === undefined || secondsOf(text) < secondsOf(known)) directives.set(key, text);
  }
  return directives;
}

/** Whole seconds; what cannot be read is none (RFC 9111 §4.2.1). */
function secondsOf(text: string): number {
  return /^\d{1,10}$/.test(text) ? Number(text) : 0;
}

function lifetimeMs(
  directives: ReadonlyMap<string, string>,
  headers: AnswerHeaders,
  nowMs: number,
): number {
  const said = directives.get("s-maxage") ?? directives.get("max-age");
  const ageMs = secondsOf(headers["age"] ?? "0") * 1000;
  if (said !== undefined) return Math.max(0, secondsOf(said) * 1000 - ageMs);
  const expires = headers["expires"];
  if (expires === undefined) return Infinity;
  const sentMs = Date.parse(headers["date"] ?? "");
  const lastsMs = Date.parse(expires) - (Number.isNaN(sentMs) ? nowMs : sentMs);
  return Number.isNaN(lastsMs) ? 0 : Math.max(0, lastsMs - ageMs);
}

function staleMsOf({ stale_s = 0 }: ToolCache, directives: ReadonlyMap<string, string>): number {
  if (directives.has("must-revalidate") || directives.has("proxy-revalidate")) return 0;
  const said = ["stale-while-revalidate", "stale-if-error"].flatMap((name) => {
    const text = directives.get(name);
    return text === undefined ? [] : [secondsOf(text)];
  });
  return 1000 * (said.length === 0 ? stale_s : Math.min(stale_s, Math.max(...said)));
}

/** The caller's language is in the key unless the tool says otherwise; what a template sends is there with the arguments. */
function variesBeyondKey(vary: string, cache: ToolCache): boolean {
  const names = vary.split(",").map((name) => name.trim().toLowerCase());
  if (names.includes("*")) return true;
  return names.includes("accept-language") && !variesByLocale(cache);
}

/** Whether the caller's language is part of the key. */
export function variesByLocale({ vary }: Pick<ToolCache, "vary">): boolean {
  return vary === undefined || vary.includes("locale");
}

function validatorsOf(headers: AnswerHeaders): Validators {
  const etag = headers["etag"];
  const lastModified = headers["last-modified"];
  const cacheControl = headers["cache-control"];
  return {
    ...(isShort(etag) && { etag }),
    ...(isShort(lastModified) && { lastModified }),
    ...((isShort(etag) || isShort(lastModified)) && isShort(cacheControl) && { cacheControl }),
  };
}

/** The headers of an answer that was confirmed: those of the confirmation, and what it did not repeat. */
export function confirmedHeaders(
  { etag, lastModified, cacheControl }: Validators,
  headers: AnswerHeaders,
): AnswerHeaders {
  return {
    ...(etag !== undefined && { etag }),
    ...(lastModified !== undefined && { "last-modified": lastModified }),
    ...(cacheControl !== undefined && { "cache-control": cacheControl }),
    ...headers,
  };
}

function isShort(text: string | undefined): text is string {
  return text !== undefined && text !== "" && text.length <= MAX_VALIDATOR;
}
