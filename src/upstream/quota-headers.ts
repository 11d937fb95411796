/**
 * Reads what an upstream says of its rate limits: the IETF's `RateLimit` with `RateLimit-Policy`
 * (draft-ietf-httpapi-ratelimit-headers-11, and its older form of three headers), and the headers of model providers, by
 * request and by token (`x-ratelimit-remaining-requests`, `anthropic-ratelimit-tokens-reset` and the like).
 *
 * Some count in windows, so that what is left lasts until the reset; others have buckets that are full at the reset, so that
 * what is missing comes until then. The names do not tell which, so where the limit is named the larger of both is believed; a
 * refusal corrects it. What cannot be read says nothing.
 */

import type { Quota } from "../contract/quota.ts";

/** The header with this name (lower case), or null. */
export type HeaderOf = (name: string) => string | null;

/** No quota is believed for longer. */
const MAX_FOR_MS = 60_000;

/** A reset above this is a time of the epoch, in seconds. */
const LEAST_EPOCH_S = 1_000_000_000;

/** Of a longer value the rest is not read. */
const MAX_LENGTH = 1024;

interface Count {
  readonly remaining: number;
  readonly limit: number;
  readonly resetMs: number;
}

/** The quota in these headers; null when they name none. */
export function readQuota(of: HeaderOf, nowMs: number): Quota | null {
  const requests = [ietf(of), ...REQUESTS.map((names) => counted(of, names, nowMs))].filter(isSome);
  const isSpent = OTHERS.some((names) => counted(of, names, nowMs)?.remaining === 0);
  const rates = requests.map(({ remaining, limit, resetMs }) => ({
    perMs: Math.max(remaining, limit - remaining) / resetMs,
    forMs: Math.min(MAX_FOR_MS, resetMs),
  }));
  const [least = null] = rates.toSorted((a, b) => a.perMs - b.perMs);
  if (least === null && !isSpent) return null;
  return { perMs: least?.perMs ?? null, forMs: least?.forMs ?? 0, isSpent };
}

/** Names of limit, remaining and reset. */
type Names = readonly [string, string, string];

function namesOf(prefix: string, suffix: string): Names {
  return [`${prefix}limit${suffix}`, `${prefix}remaining${suffix}`, `${prefix}reset${suffix}`];
}

const REQUESTS = [
  namesOf("x-ratelimit-", "-requests"),
  namesOf("anthropic-ratelimit-requests-", ""),
  namesOf("x-ratelimit-", ""),
  namesOf("ratelimit-", ""),
];
const OTHERS = [
  namesOf("x-ratelimit-", "-tokens"),
  ...["tokens", "input-tokens", "output-tokens"].map((what) =>
    namesOf(`anthropic-ratelimit-${what}-`, ""),
  ),
];

function counted(of: HeaderOf, [limit, remaining, reset]: Names, nowMs: number): Count | null {
  const left = amount(of(remaining));
  const resetMs = left === null ? null : untilMs(of(reset), nowMs);
  if (left === null || resetMs === null) return null;
  return { remaining: left, limit: amount(of(limit)) ?? 0, resetMs: Math.max(1, resetMs) };
}

/** The item of `RateLimit` of which the least is left for its time. Without `t` it lasts as long as the window of its policy. */
function ietf(of: HeaderOf): Count | null {
  const windows = new Map(items(of("ratelimit-policy")).map(({ name, part }) => [name, part("w")]));
  let least: Count | null = null;
  for (const { name, part } of items(of("ratelimit"))) {
    const remaining = part("r");
    const seconds = part("t") ?? windows.get(name) ?? null;
    if (remaining === null || seconds === null) continue;
    const count = { remaining, limit: 0, resetMs: Math.max(1, seconds * 1000) };
    if (least === null || count.remaining / count.resetMs < least.remaining / least.resetMs)
      least = count;
  }
  return least;
}

interface Item {
  readonly name: string;
  /** A whole number among its parameters. */
  readonly part: (key: string) => number | null;
}

/** Items of a structured list of strings (RFC 9651 §3.1) with their parameters. */
function items(text: string | null): readonly Item[] {
  const found = (text ?? "").slice(0, MAX_LENGTH).matchAll(/"([^"\\]*)"([^",]*)/g);
  return [...found].map(([, name = "", parts = ""]) => ({
    name,
    part(key) {
      const written = parts.split(";").find((one) => one.trim().startsWith(`${key}=`));
      return amount(written?.trim().slice(key.length + 1) ?? null);
    },
  }));
}

function amount(text: string | null): number | null {
  return text !== null && /^\s*\d{1,15}\s*$/.test(text) ? Number(text) : null;
}

const DURATION =
  /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9}(?:\.\d{1,9})?)ms)?$/;

/** Milliseconds until a reset, written as seconds, `6m0s`, a time of the epoch or a date. */
function untilMs(text: string | null, nowMs: number): number | null {
  const word = text?.trim().slice(0, MAX_LENGTH) ?? "";
  if (word === "") return null;
  if (/^\d{1,12}(\.\d{1,9})?$/.test(word)) {
    const seconds = Number(word);
    return seconds * 1000 - (seconds > LEAST_EPOCH_S ? nowMs : 0);
  }
  const lasts = DURATION.exec(word);
  if (lasts !== null) {
    const [hours = 0, minutes = 0, seconds = 0, ms = 0] = lasts.slice(1).map((n) => Number(n) || 0);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
  }
  if (!/^\d{4}-\d\d-\d\dT/.test(word)) return null;
  const atMs = Date.parse(word);
  return Number.isNaN(atMs) ? null : atMs - nowMs;
}

function isSome<T>(value: T | null): value is T {
  return value !== null;
}
