/** What is kept of a call that was sent: a result, or a refusal of its arguments where the tool wants that kept too. */

import type { ToolCache } from "../../contract/cache.ts";
import type { CallOutcome } from "../../contract/run.ts";
import { type CacheEntry, keptError, type Validators } from "./cache-entry.ts";
import { type AnswerHeaders, confirmedHeaders, isDefiniteRefusal, lifeOf } from "./freshness.ts";

/** What a tool answered, as far as it matters here. */
export interface ToolAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
}

/** When an answer came, epoch ms, and how long it took. */
export interface Taken {
  readonly nowMs: number;
  readonly costMs: number;
}

/** Nothing to be checked by. */
export const NO_VALIDATORS: Validators = {};

/** How long a store may go on showing what was replaced. */
const SHOWN_OLD_MS = 60_000;

/** The tool said something that holds: a result, or that these arguments are wrong. */
export function hasSpoken(
  { status }: Pick<CallOutcome, "status">,
  answer: ToolAnswer | null,
): boolean {
  if (answer === null) return false;
  return status === "succeeded" || answer.status === 304 || isDefiniteRefusal(answer.status);
}

/** What may be kept of this call, or null. */
export function newEntry(
  rules: ToolCache,
  { status, outputJson, error }: Pick<CallOutcome, "status" | "outputJson" | "error">,
  answer: ToolAnswer | null,
  taken: Taken,
): CacheEntry | null {
  if (answer === null) return null;
  if (status === "succeeded" && outputJson !== undefined)
    return entryOf(rules, { outputJson }, answer.headers, taken);
  const refusal = error === undefined ? null : keptError(error);
  if (refusal === null || !isDefiniteRefusal(answer.status)) return null;
  return entryOf(rules, { error: refusal }, answer.headers, taken);
}

/** What was kept, confirmed by an answer with these headers; null when it may not be kept any longer. */
export function confirmedEntry(
  rules: ToolCache,
  known: CacheEntry,
  headers: AnswerHeaders,
  taken: Taken,
): CacheEntry | null {
  return entryOf(rules, known.kept, confirmedHeaders(known.validators, headers), taken);
}

/** Stands where something was kept that does not hold any more, until a store that shows old values has caught up. */
export function nothing(nowMs: number): CacheEntry {
  const kept = { error: { code: "upstream_status" as const, message: "" } };
  const until = { expiresAtMs: nowMs, staleUntilMs: nowMs, keptUntilMs: nowMs + SHOWN_OLD_MS };
  return { kept, ...until, costMs: 1, validators: NO_VALIDATORS };
}

function entryOf(
  rules: ToolCache,
  kept: CacheEntry["kept"],
  headers: AnswerHeaders,
  { nowMs, costMs }: Taken,
): CacheEntry | null {
  const isRefusal = "error" in kept;
  const ttlS = isRefusal ? (rules.negative_ttl_s ?? 0) : rules.ttl_s;
  const life = ttlS === 0 ? null : lifeOf(rules, ttlS, headers, nowMs);
  if (life === null) return null;
  const expiresAtMs = nowMs + life.freshMs;
  // A refusal is worth neither a stale answer nor a question.
  if (isRefusal) {
    const until = { staleUntilMs: expiresAtMs, keptUntilMs: expiresAtMs };
    return { kept, expiresAtMs, ...until, costMs, validators: NO_VALIDATORS };
  }
  const staleUntilMs = expiresAtMs + life.staleMs;
  const keptUntilMs = Math.max(staleUntilMs, expiresAtMs + life.checkedMs);
  return { kept, expiresAtMs, staleUntilMs, keptUntilMs, costMs, validators: life.validators };
}
