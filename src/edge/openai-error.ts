/**
 * Errors as OpenAI's clients expect them: `{"error": {message, type, param, code}}` with a status their error classes
 * are made from.
 *
 * `code` is the gateway's own, except where OpenAI has a word that clients branch on. Where a retry would do harm or
 * cannot help, `x-should-retry: false` says so; OpenAI's clients would otherwise repeat 409 and 5xx by themselves.
 */

import type { ErrorCode, GatewayError, Violation } from "../contract/error.ts";
import { ENGLISH, errorDetail } from "./error-texts.ts";
import { errorHeaders, STATUS } from "./problem.ts";

/** The error object of an envelope, or of the last chunk of a broken stream. */
export interface OpenAIError {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string;
}

/** `error` in OpenAI's envelope. */
export function openAIErrorResponse(error: GatewayError): Response {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    ...errorHeaders(error),
  };
  if (isHopeless(error)) headers["x-should-retry"] = "false";
  return new Response(JSON.stringify({ error: openAIError(error) }), {
    status: clientStatus(error),
    headers,
  });
}

/** `error` as OpenAI's error object. */
export function openAIError(error: GatewayError): OpenAIError {
  const violation = "violations" in error ? error.violations[0] : undefined;
  return {
    message: violation === undefined ? errorDetail(error, ENGLISH) : violationText(violation),
    type: errorType(clientStatus(error)),
    param: violation === undefined ? paramOfCode(error.code) : paramOf(violation.pointer),
    code: errorCode(error),
  };
}

/** True for paths where clients speak OpenAI's protocol, served here or not. */
export function isOpenAIPath(path: string): boolean {
  const [, version, resource] = path.split("/", 3);
  return version === "v1" && resource !== undefined && OPENAI_RESOURCES.has(resource);
}

/** First path segments of OpenAI's API (platform.openai.com/docs/api-reference) that no resource of ours uses. */
const OPENAI_RESOURCES: ReadonlySet<string> = new Set([
  "assistants",
  "audio",
  "batches",
  "chat",
  "completions",
  "containers",
  "conversations",
  "embeddings",
  "evals",
  "files",
  "fine_tuning",
  "images",
  "models",
  "moderations",
  "realtime",
  "rerank",
  "responses",
  "threads",
  "uploads",
  "vector_stores",
  "videos",
]);

/** True when the same request would only meet the error again, or repeating it could do something twice. */
export function isHopeless(error: GatewayError): boolean {
  return HOPELESS.has(error.code);
}

/** Errors that the same request meets again, or whose repetition could do something twice. */
const HOPELESS: ReadonlySet<ErrorCode> = new Set([
  "approval_refused",
  "cancelled",
  "conflict",
  "egress_refused",
  "idempotency_key_reused",
  "run_interrupted",
  "secret_unavailable",
  "turn_expired",
  "upstream_credentials_exhausted",
]);

/** Statuses of an upstream that speak about the client's request, not about the gateway's own standing with it. */
const PASSED_ON: ReadonlySet<number> = new Set([400, 404, 413, 422, 429]);

/** An upstream that refuses the gateway says nothing about the client; its words would read as if it did. */
const ABOUT_THE_GATEWAY: ReadonlySet<number> = new Set([401, 403]);

/** The status a client sees, which may be the upstream's where it speaks about the client's request. */
export function clientStatus(error: GatewayError): number {
  const passesOn = error.code === "upstream_rejected" && PASSED_ON.has(error.upstreamStatus);
  return passesOn ? error.upstreamStatus : STATUS[error.code];
}

function errorType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

/** What OpenAI's clients know as one code. */
const RATE_LIMITS: ReadonlySet<ErrorCode> = new Set([
  "quota_exceeded",
  "concurrency_exceeded",
  "upstream_rate_limited",
]);

function errorCode(error: GatewayError): string {
  if (error.code === "unauthenticated") return "invalid_api_key";
  if (RATE_LIMITS.has(error.code)) return "rate_limit_exceeded";
  if (error.code !== "upstream_rejected" || ABOUT_THE_GATEWAY.has(error.upstreamStatus)) {
    return error.code;
  }
  return error.upstreamCode ?? error.code;
}

function violationText({ pointer, message }: Violation): string {
  return pointer === "" ? message : `${paramOf(pointer) ?? ""}: ${message}`;
}

/** The parameter an error without a pointer speaks of. */
function paramOfCode(code: ErrorCode): string | null {
  return code === "previous_response_not_found" ? "previous_response_id" : null;
}

/** `/messages/0/role` as OpenAI writes it: `messages[0].role`. */
function paramOf(pointer: string): string | null {
  if (pointer === "") return null;
  let param = "";
  for (const member of pointer.slice(1).split("/")) {
    const name = member.replaceAll("~1", "/").replaceAll("~0", "~");
    if (/^\d+$/.test(name)) param += `[${name}]`;
    else param += param === "" ? name : `.${name}`;
  }
  return param;
}
