/**
 * `RateLimit-Policy` and `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers-10): one item a limit, named by its
 * id; `q` and `w` are the quota and its window in seconds, `r` what is left, `t` seconds until all of it is back.
 */

import type { RateView } from "../contract/admission.ts";

/** Puts both headers on an answer; no limit, no header. */
export function setRateHeaders(headers: Headers, rates: readonly RateView[]): void {
  if (rates.length === 0) return;
  headers.set("ratelimit-policy", rates.map(policyItem).join(", "));
  headers.set("ratelimit", rates.map(stateItem).join(", "));
}

function policyItem({ id, limit, windowS }: RateView): string {
  return `"${id}";q=${String(limit)};w=${String(windowS)}`;
}

function stateItem({ id, remaining, resetMs }: RateView): string {
  return `"${id}";r=${String(remaining)};t=${String(Math.ceil(resetMs / 1000))}`;
}
