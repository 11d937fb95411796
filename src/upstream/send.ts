/**
 * Sends one request to a tool server and reads its answer whole.
 *
 * Every hop passes the egress guard; redirects are followed by hand, because the runtime's own following would carry
 * cookies and API keys to another origin. Any status is an answer, what it means is the tool's business; only a request
 * that got no usable answer is a failure. Time is the caller's: the request lives until `signal` aborts.
 */

import { platformSignal } from "../platform/abort.ts";
import { type Result, fail, ok } from "../platform/result.ts";
import { checkEgress } from "./egress-guard.ts";
import type { UpstreamFailure } from "./failure.ts";
import { discard, headersOf, isDecoded, readText } from "./read-body.ts";
import { keptHeaders, refuseHeaders } from "./request-headers.ts";
import { retryAfterMs } from "./retry-after.ts";

/** Redirects followed for one request. */
const MAX_REDIRECTS = 3;

/** One request; `url` has already been built from the tool's registered base, arguments never choose its origin. */
export interface UpstreamRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Rules of one request. */
export interface SendOptions {
  readonly allowLoopback: boolean;
  /** Longest decoded body. */
  readonly maxBytes: number;
  /** Awaited once, before more than `LONG_BYTES` of a body are read: until then the rest stays with its sender. */
  readonly beforeLongAnswer?: () => Promise<void>;
}

/** A complete answer, whatever its status. */
export interface UpstreamAnswer {
  readonly status: number;
  /** Media type without parameters, in lower case; empty when the upstream named none. */
  readonly contentType: string;
  readonly text: string;
  /** Names in lower case; hop, cookie and browser headers are dropped. */
  readonly headers: Readonly<Record<string, string>>;
  readonly retryAfterMs: number | null;
}

/** Sends `request` and reads the answer. Never throws; when `signal` aborts, the connection is closed. */
export async function sendRequest(
  request: UpstreamRequest,
  options: SendOptions,
  signal: AbortSignal,
): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
  if (!/^(GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(request.method)) {
    return fail({ kind: "request_refused", reason: "The method is not allowed.", sent: false });
  }
  const refusal = refuseHeaders(request.headers);
  if (refusal !== null) return fail({ kind: "request_refused", reason: refusal, sent: false });
  const checked = checkEgress(request.url.href, options);
  if (!checked.ok)
    return fail({ kind: "egress_refused", reason: checked.error.reason, sent: false });
  if (signal.aborted) return fail({ kind: "cancelled", sent: false });

  let hop = request;
  for (let redirects = 0; ; redirects += 1) {
    const response = await fetchHop(hop, signal);
    if (response === null) return fail(brokenBy(signal));
    if (!isRedirect(response.status)) return readAnswer(response, options, signal);
    await discard(response.body);
    const next =
      redirects === MAX_REDIRECTS
        ? fail("There are too many redirects.")
        : followRedirect(hop, response, options);
    if (!next.ok) {
      return fail({
        kind: "redirect_refused",
        reason: next.error,
        status: response.status,
        sent: true,
      });
    }
    hop = next.value;
  }
}

/** The response's headers, or null when the connection failed or the signal aborted. */
async function fetchHop(hop: UpstreamRequest, signal: AbortSignal): Promise<Response | null> {
  try {
    return await fetch(hop.url, {
      method: hop.method,
      headers: hop.headers,
      body: hop.body,
      redirect: "manual",
      signal: platformSignal(signal),
    });
  } catch {
    return null;
  }
}

async function readAnswer(
  response: Response,
  options: SendOptions,
  signal: AbortSignal,
): Promise<Result<UpstreamAnswer, UpstreamFailure>> {
  const { status } = response;
  const headers = headersOf(response);
  if (!isDecoded(headers)) {
    await discard(response.body);
    return fail({
      kind: "invalid_response",
      reason: "The content coding is not supported.",
      status,
      sent: true,
    });
  }
  const body = await readText(response, headers, options.maxBytes, options.beforeLongAnswer);
  if (body.ok) {
    return ok({
      status,
      contentType: (headers["content-type"] ?? "").replace(/;.*$/s, "").trim().toLowerCase(),
      text: body.value,
      headers: keptHeaders(headers),
      retryAfterMs: retryAfterMs(headers["retry-after"] ?? null, Date.now()),
    });
  }
  if (body.error === "broken") return fail(brokenBy(signal));
  return body.error === "too_large"
    ? fail({ kind: "too_large", maxBytes: options.maxBytes, sent: true })
    : fail({ kind: "invalid_response", reason: "The body is not UTF-8.", status, sent: true });
}

/** Everything the runtime throws that is not our own abort is a connection that failed. */
function brokenBy(signal: AbortSignal): UpstreamFailure {
  return signal.aborted ? { kind: "cancelled", sent: true } : { kind: "unreachable", sent: true };
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

/** The next hop, or the rule that refuses it. Only the same origin, so credentials never travel. */
function followRedirect(
  hop: UpstreamRequest,
  response: Response,
  options: SendOptions,
): Result<UpstreamRequest, string> {
  const location = response.headers.get("location");
  const target = location === null ? null : URL.parse(location, hop.url.href);
  if (target === null) return fail("The redirect names no valid place.");
  const checked = checkEgress(target.href, options);
  if (!checked.ok) return fail(checked.error.reason);
  if (target.origin !== hop.url.origin) return fail("The redirect leaves the origin.");
  const repeatable = hop.method === "GET" || hop.method === "HEAD";
  if (repeatable || response.status === 307 || response.status === 308)
    return ok({ ...hop, url: target });
  if (response.status !== 303 && hop.method !== "POST")
    return fail("The redirect would change what is asked for.");
  // RFC 9110 §15.4: the answer is fetched with GET; the body and what describes it stay behind.
  const headers = Object.fromEntries(
    Object.entries(hop.headers).filter(([name]) => !/^content-/i.test(name)),
  );
  return ok({ method: "GET", url: target, headers, body: null });
}
