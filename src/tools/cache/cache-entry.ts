/**
 * What is kept of a call: its result or how it failed, how long each use of it is allowed, and by what its
 * tool can be asked whether it still holds. Stored as JSON text with the version of its shape; text of another version is
 * no entry.
 */

import type { CacheFault } from "../../contract/cache.ts";
import type { CallError, CallErrorCode, CallOutcome, CallStatus } from "../../contract/run.ts";
import { isJsonObject, type Json } from "../../platform/canonical-json.ts";
import { type Result, fail, ok } from "../../platform/result.ts";
import { parseBoundedJson } from "../bounded-json.ts";

/** Version of the stored shape. */
const SHAPE = 2;

/** By what a tool can be asked whether its answer still holds (RFC 9110 §8.8), and what it said of keeping it. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
  /** Holds on after a 304 that does not repeat it (RFC 9111 §4.3.4). */
  readonly cacheControl?: string;
}

/** One kept result. Times are epoch ms. */
export interface CacheEntry {
  /** The result as JSON text, or why there is none. */
  readonly kept: { readonly outputJson: string } | { readonly error: KeptError };
  /** Until then it answers. */
  readonly expiresAtMs: number;
  /** Until then it answers while it is asked for anew. */
  readonly staleUntilMs: number;
  /** Until then its tool may be asked whether it still holds. Never less than the others. */
  readonly keptUntilMs: number;
  /** How long its tool took, in ms, at least 1. */
  readonly costMs: number;
  readonly validators: Validators;
}

/** Failures that say something about the arguments or the tool, not about who asked: others may be told the same. */
const STATUS_OF = {
  upstream_status: "failed",
  rate_limited: "rate_limited",
  tool_error: "failed",
  mcp_error: "failed",
} as const satisfies Partial<Record<CallErrorCode, CallStatus>>;

/** A failure that others may be told. */
export interface KeptError extends CallError {
  readonly code: keyof typeof STATUS_OF;
}

/** The failure as others may be told it, or null when it is this call's own. */
export function keptError(error: CallError): KeptError | null {
  const { code } = error;
  return isKeptCode(code) ? { ...error, code } : null;
}

function isKeptCode(code: string): code is KeptError["code"] {
  return Object.hasOwn(STATUS_OF, code);
}

/** The entry as the outcome of a call. */
export function outcomeOf({
  kept,
}: CacheEntry): Pick<CallOutcome, "status" | "outputJson" | "error"> {
  return "error" in kept
    ? { status: STATUS_OF[kept.error.code], ...kept }
    : { status: "succeeded", ...kept };
}

/** Bytes an entry takes in memory, at most: two a character, and the bookkeeping around it. */
export function sizeOf({ kept }: CacheEntry): number {
  const length = "error" in kept ? kept.error.message.length : kept.outputJson.length;
  return 2 * length + 512;
}

/** The entry as text. */
export function writeEntry({ validators, ...entry }: CacheEntry): string {
  return JSON.stringify({ shape: SHAPE, ...entry, ...validators });
}

/** The entry in a text, or why there is none. */
export function readEntry(text: string): Result<CacheEntry, CacheFault> {
  const parsed = parseBoundedJson(text);
  if (!parsed.ok || !isJsonObject(parsed.value)) return fail("corrupt");
  const { shape, kept, expiresAtMs, staleUntilMs, keptUntilMs, costMs } = parsed.value;
  const { etag, lastModified, cacheControl } = parsed.value;
  if (shape !== SHAPE) return fail("other_shape");
  const read = keptOf(kept);
  if (read === null) return fail("corrupt");
  if (!isTime(expiresAtMs) || !isTime(staleUntilMs) || !isTime(keptUntilMs) || !isTime(costMs))
    return fail("corrupt");
  const validators = {
    ...(typeof etag === "string" && { etag }),
    ...(typeof lastModified === "string" && { lastModified }),
    ...(typeof cacheControl === "string" && { cacheControl }),
  };
  return ok({ kept: read, expiresAtMs, staleUntilMs, keptUntilMs, costMs, validators });
}

function keptOf(kept: Json | undefined): CacheEntry["kept"] | null {
  if (!isJsonObject(kept)) return null;
  const { outputJson, error } = kept;
  if (typeof outputJson === "string") return { outputJson };
  if (!isJsonObject(error)) return null;
  const { code, message, retry_after_ms } = error;
  if (typeof code !== "string" || !isKeptCode(code) || typeof message !== "string") return null;
  return { error: { code, message, ...(isTime(retry_after_ms) && { retry_after_ms }) } };
}

function isTime(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isFinite(value);
}
