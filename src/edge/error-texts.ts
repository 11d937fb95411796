/**
 * Texts of every error in English, by code. A language is one more object of this shape.
 *
 * `{field}` is replaced by that field of the error; nothing else of a request can get into a text. `{ field}` is left out
 * together with its space where the error has no such field.
 */

import type { ErrorCode, GatewayError } from "../contract/error.ts";

/** Title and detail of every error in one language. */
export type ErrorTexts = Readonly<
  Record<
    ErrorCode,
    {
      readonly title: string;
      readonly detail: string;
      /** In its place where something broke off. */
      readonly unfinished?: string;
    }
  >
>;

/** The texts in English. */
export const ENGLISH: ErrorTexts = {
  invalid_json: { title: "Invalid JSON", detail: "{detail}" },
  body_too_large: {
    title: "Body too large",
    detail: "The body may have at most {maxBytes} bytes.",
  },
  unsupported_media_type: {
    title: "Unsupported media type",
    detail:
      "The body must be JSON in UTF-8, sent with content-type application/json and no content coding.",
  },
  validation_failed: {
    title: "Validation failed",
    detail: "The request does not have the expected shape; see the violations.",
  },
  unprocessable: {
    title: "Unprocessable content",
    detail: "The request is well formed but cannot be carried out; see the violations.",
  },
  unauthenticated: {
    title: "Unauthenticated",
    detail:
      "The API key is missing, unknown, expired or revoked. Send it as Authorization: Bearer tfe_…",
  },
  insufficient_scope: {
    title: "Insufficient scope",
    detail: "The API key does not have the scope {scope}.",
  },
  not_found: { title: "Not found", detail: "There is nothing at this address." },
  method_not_allowed: {
    title: "Method not allowed",
    detail: "This address answers only: {allow}.",
  },
  model_not_found: {
    title: "Model not found",
    detail: "The model {model} does not exist or no upstream of yours serves it.",
  },
  idempotency_key_reused: {
    title: "Idempotency key reused",
    detail: "This Idempotency-Key was used with another request body.",
  },
  run_interrupted: {
    title: "Run interrupted",
    detail: "The run {run} was lost before it ended; whether its writes happened is not known.",
  },
  turn_expired: {
    title: "Turn expired",
    detail:
      "A tool call id of this conversation is unknown or has expired. Start again from the user's message.",
  },
  previous_response_not_found: {
    title: "Previous response not found",
    detail: "There is no response {id} to go on from.",
  },
  approval_refused: {
    title: "Approval refused",
    detail: "The approval is {reason}; the call was not made.",
  },
  conflict: { title: "Conflict", detail: "{detail}" },
  gone: { title: "Gone", detail: "This can be done only once, and it has been done." },
  origin_refused: {
    title: "Origin refused",
    detail: "Pages of another site, and requests meant for another host, are not answered here.",
  },
  precondition_failed: {
    title: "Precondition failed",
    detail: "The resource has changed since you read it; read it again and repeat your change.",
  },
  quota_exceeded: { title: "Quota exceeded", detail: "The limit {limit} is used up for now." },
  concurrency_exceeded: {
    title: "Too many runs at once",
    detail: "The limit {limit} of runs at once is reached.",
  },
  too_many_unknown_keys: {
    title: "Too many unknown keys",
    detail: "Too many requests with unknown API keys came from this address.",
  },
  cancelled: { title: "Cancelled", detail: "The run was cancelled before it ended." },
  deadline_exceeded: { title: "Deadline exceeded", detail: "The run's deadline passed." },
  upstream_unreachable: {
    title: "Upstream unreachable",
    detail: "The upstream{ upstream} could not be reached, or broke the connection.",
  },
  upstream_timeout: {
    title: "Upstream timeout",
    detail: "The upstream{ upstream} did not answer in time.",
  },
  upstream_invalid_response: {
    title: "Invalid upstream response",
    detail: "The answer of the upstream{ upstream} could not be understood.",
    unfinished: "The answer of the upstream{ upstream} broke off before it was complete.",
  },
  upstream_rejected: {
    title: "Upstream rejected the request",
    detail: "The upstream{ upstream} answered with status {upstreamStatus}.",
  },
  upstream_credentials_exhausted: {
    title: "Upstream refuses its keys",
    detail: "The upstream {upstream} has refused every key it is sent; replace its secret.",
  },
  circuit_open: {
    title: "Upstream failing",
    detail: "The upstream {upstream} fails; it is not asked for the moment.",
  },
  upstream_rate_limited: {
    title: "Upstream busy",
    detail: "The upstream {upstream} has asked to be left alone for the moment.",
  },
  upstream_overloaded: {
    title: "Upstream overloaded",
    detail:
      "Too many requests want the upstream {upstream}; this one was turned away and not sent.",
  },
  egress_refused: {
    title: "Address refused",
    detail: "The gateway does not send requests to this address: {detail}",
  },
  secret_unavailable: {
    title: "Secret unavailable",
    detail: "The secret {secret} does not exist, or is not bound to the host it would be sent to.",
  },
  unavailable: { title: "Unavailable", detail: "The service is not available for the moment." },
  internal: { title: "Internal error", detail: "Something went wrong in the gateway." },
};

/** The detail of `error` in the language of `texts`. */
export function errorDetail(error: GatewayError, texts: ErrorTexts): string {
  const fields = new Map<string, unknown>(Object.entries(error));
  const { detail, unfinished = detail } = texts[error.code];
  const text = fields.has("isUnfinished") ? unfinished : detail;
  return text.replaceAll(/\{( ?)(\w+)\}/g, (_, space: string, name: string) =>
    space !== "" && !fields.has(name) ? "" : space + asText(fields.get(name)),
  );
}

function asText(value: unknown): string {
  return Array.isArray(value) ? value.join(", ") : String(value);
}
