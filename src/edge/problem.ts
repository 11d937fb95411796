/**
 * Errors as HTTP: the one table from code to status, and the answer of every route that is not OpenAI's as RFC 9457
 * problem+json.
 */

import type { ErrorCode, GatewayError } from "../contract/error.ts";
import { ENGLISH, errorDetail } from "./error-texts.ts";

/** Status of every error. 499 is nginx's "client closed request"; nobody should retry it. */
export const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_json: 400,
  body_too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 400,
  unprocessable: 422,
  unauthenticated: 401,
  insufficient_scope: 403,
  not_found: 404,
  method_not_allowed: 405,
  model_not_found: 404,
  idempotency_key_reused: 409,
  run_interrupted: 409,
  turn_expired: 409,
  previous_response_not_found: 400,
  approval_refused: 409,
  conflict: 409,
  gone: 410,
  origin_refused: 403,
  precondition_failed: 412,
  quota_exceeded: 429,
  concurrency_exceeded: 429,
  too_many_unknown_keys: 429,
  cancelled: 499,
  deadline_exceeded: 504,
  upstream_unreachable: 502,
  upstream_timeout: 504,
  upstream_invalid_response: 502,
  upstream_rejected: 502,
  upstream_credentials_exhausted: 503,
  circuit_open: 503,
  upstream_rate_limited: 429,
  upstream_overloaded: 503,
  egress_refused: 502,
  secret_unavailable: 502,
  unavailable: 503,
  internal: 500,
};

const TYPE_BASE = "https://toolformer-edge.dev/errors/";

/** `error` as problem+json. `instance` is the request's id. */
export function problemResponse(error: GatewayError, instance: string): Response {
  const status = STATUS[error.code];
  const waitMs = retryAfterMs(error);
  const body = {
    type: TYPE_BASE + error.code.replaceAll("_", "-"),
    title: ENGLISH[error.code].title,
    status,
    code: error.code,
    detail: errorDetail(error, ENGLISH),
    instance,
    ...(waitMs !== null && { retry_after_ms: waitMs }),
    ...("violations" in error && { violations: error.violations }),
  };
  const headers = { "content-type": "application/problem+json", ...errorHeaders(error) };
  return new Response(JSON.stringify(body), { status, headers });
}

/** Headers that belong to an error whatever its body: `Retry-After` in whole seconds, `Allow`, `WWW-Authenticate`. */
export function errorHeaders(error: GatewayError): Record<string, string> {
  const headers: Record<string, string> = {};
  const waitMs = retryAfterMs(error);
  if (waitMs !== null) headers["retry-after"] = String(Math.ceil(waitMs / 1000));
  if (error.code === "method_not_allowed") headers["allow"] = error.allow.join(", ");
  if (error.code === "unauthenticated") headers["www-authenticate"] = "Bearer";
  return headers;
}

/** When a repeated request may pass, or null when nobody knows. */
export function retryAfterMs(error: GatewayError): number | null {
  return "retryAfterMs" in error ? error.retryAfterMs : null;
}
