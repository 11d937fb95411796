/**
 * An upstream's error as the gateway's own: the status, a machine-readable code when it is a plain word, and nothing of
 * its prose, which may quote prompts or keys.
 */

import type { GatewayError } from "../contract/error.ts";
import { isJsonObject } from "../platform/canonical-json.ts";

/** A code worth handing on; anything else could be free text. */
const PLAIN_CODE = /^[a-z0-9_.-]{1,64}$/i;

/** Status of an error inside a stream that was answered with 200 and names none itself. */
const STATUS_IN_STREAM = 500;

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

/** What providers put errors in: `{"error": {…}}`, `{"error": "text"}` or `{"object": "error", …}`. */
function errorOf(body: unknown): unknown {
  if (!isJsonObject(body)) return null;
  const error = body["error"];
  if (isJsonObject(error) || (typeof error === "string" && error !== "")) return error;
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
  return (
    named.find((status) => Number.isInteger(status) && status >= 400 && status <= 599) ??
    STATUS_IN_STREAM
  );
}
