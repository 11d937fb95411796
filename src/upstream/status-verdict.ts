/**
 * What an HTTP status says of the server that answered with it.
 *
 * A 429, and a 503 that says when to come back, were answered before anything was done, so even a write may be sent again
 * after them. Any other failure may have happened. The other 4xx are the request's own fault.
 */

import type { Verdict } from "../contract/upstream-session.ts";

/** Server errors that the same request meets again: not implemented, version not supported. */
const PERMANENT: ReadonlySet<number> = new Set([501, 505]);

/** The server did not wait for the whole request. */
const REQUEST_TIMEOUT = 408;

/** An answer that says nothing bad of its server. */
export const ANSWERED: Verdict = { class: "ok", retryAfterMs: null, executed: true };

/** See above. */
export function statusVerdict(status: number, retryAfterMs: number | null): Verdict {
  if (status < 400) return ANSWERED;
  const isDeferred = status === 503 && retryAfterMs !== null;
  if (status === 429 || isDeferred) return { class: "rate_limited", retryAfterMs, executed: false };
  const isServers = (status >= 500 && !PERMANENT.has(status)) || status === REQUEST_TIMEOUT;
  return { class: isServers ? "failed" : "ignored", retryAfterMs, executed: true };
}
