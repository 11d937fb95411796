/** Errors as OpenAI sends them. */

import type { Refusal } from "../face.ts";

/** `{"error": {…}}` with the type OpenAI gives a status. */
export function openAIEnvelope({ status, code, message }: Refusal): unknown {
  const type =
    status === 429 ? "rate_limit_error" : status < 500 ? "invalid_request_error" : "server_error";
  return { error: { message, type, param: null, code } };
}
