/**
 * Errors as Anthropic's clients expect them: `{"type": "error", "error": {type, message}}` with a status their error
 * classes are made from. The gateway's own code is in `details.error_code`, where those clients look for one.
 */

import type { GatewayError } from "../contract/error.ts";
import type { JsonObject } from "../platform/canonical-json.ts";
import { clientStatus, isHopeless, openAIError } from "./openai-error.ts";
import { errorHeaders } from "./problem.ts";

/** `error` in Anthropic's envelope. */
export function anthropicErrorResponse(error: GatewayError, requestId: string): Response {
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "request-id": requestId,
    ...errorHeaders(error),
  };
  if (isHopeless(error)) headers["x-should-retry"] = "false";
  const body = { ...anthropicError(error), request_id: requestId };
  return new Response(JSON.stringify(body), { status: clientStatus(error), headers });
}

/** `error` as Anthropic's error object, also the data of a stream's last event. */
export function anthropicError(error: GatewayError): JsonObject {
  const { message, code } = openAIError(error);
  const type = ERROR_TYPES[clientStatus(error)] ?? "api_error";
  return { type: "error", error: { type, message, details: { error_code: code } } };
}

/** True for paths where clients speak Anthropic's protocol. */
export function isAnthropicPath(path: string): boolean {
  return path === "/v1/messages" || path.startsWith("/v1/messages/");
}

/** Source: platform.claude.com/docs/en/api/errors. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  405: "invalid_request_error",
  409: "invalid_request_error",
  413: "request_too_large",
  415: "invalid_request_error",
  422: "invalid_request_error",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};
