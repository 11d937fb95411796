/**
 * An upstream's error as the gateway's own: the status, a machine-readable code when it is a plain word, and nothing of
 * its prose, which may quote prompts or keys.
 */

import type { GatewayError } from "../contract/error.ts";
import { isJsonArray, isJsonObject } from "../platform/canonical-json.ts";

/** A code worth handing on; anything else could be free text. */
const PLAIN_CODE = /^[a-z0-9_.-]{1,64}$/i;

/** Status of an error inside a stream that was answered with 200 and names none itself. */
const STATUS_IN_STREAM = 500;

/** What an error without a status of its own would have been answered with, by its code. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  context_length_exceeded: 400,
  authentication_error: 401,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  insufficient_quota: 429,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  overloaded_error: 503,
};

/** The error of an answer with an error status; `body` is its parsed JSON, or null. */
export function rejected(
  upstreamStatus: number,
  body: unknown,
  retryAfterMs: number | null,
): GatewayError {
  return {
    code: "upstream_rejected",
    upstreamStatus,
    upstreamCode: codeOf(errorOf(body) ?? body),
    retryAfterMs,
  };
}

/** The error inside an answered stream, or null when `chunk` is none. */
export function rejectedInStream(chunk: unknown): GatewayError | null {
  const error = errorOf(chunk);
  if (error === null) return null;
  return {
    code: "upstream_rejected",
    upstreamStatus: statusOf(error),
    upstreamCode: codeOf(error),
    retryAfterMs: null,
  };
}

/**
 * What providers put errors in: `{"error": {…}}`, `{"error": "text"}`, `{"object": "error", …}`, or Cloudflare's
 * `{"success": false, "errors": [{…}]}`.
 */
function errorOf(body: unknown): unknown {
  if (!isJsonObject(body)) return null;
  const error = body["error"];
  if (isJsonObject(error) || (typeof error === "string" && error !== "")) return error;
  const { errors } = body;
  if (body["success"] === false && errors !== undefined && isJsonArray(errors)) {
    const [first = null] = errors;
    const code = isJsonObject(first) ? first["code"] : null;
    return typeof code === "number" ? { code: String(code) } : body;
  }
  return body["object"] === "error" ? body : null;
}

function codeOf(error: unknown): string | null {
  if (!isJsonObject(error)) return null;
  for (const word of [error["code"], error["type"]]) {
    if (typeof word === "string" && PLAIN_CODE.test(word)) return word;
  }
  return null;
}

function statusOf(error: unknown): number {
  if (!isJsonObject(error)) return STATUS_IN_STREAM;
  const named = [error["status"], error["code"]].map(Number);
  const status = named.find((one) => Number.isInteger(one) && one >= 400 && one <= 599);
  const words = [error["code"], error["type"]].filter((word) => typeof word === "string");
  const known = words.find((word) => Object.hasOwn(STATUS_OF_CODE, word));
  return (
    status ?? (known === undefined ? STATUS_IN_STREAM : (STATUS_OF_CODE[known] ?? STATUS_IN_STREAM))
  );
}
