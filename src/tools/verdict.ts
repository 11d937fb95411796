/** What a request to a tool without a usable answer says of its server: by kind, never by the words of a message. */

import type { Verdict } from "../contract/upstream-session.ts";
import type { McpFailure } from "../upstream/mcp/mcp-failure.ts";
import { statusVerdict } from "../upstream/status-verdict.ts";

/** JSON-RPC's "internal error" (specification 2.0, §5.1): the server's fault, not the request's. */
const RPC_INTERNAL_ERROR = -32_603;

/** The server could not be understood, or its answer broke off. */
export const BROKEN_ANSWER: Verdict = { class: "failed", retryAfterMs: null, executed: true };

/** See above. */
export function verdictOfFailure(failure: McpFailure): Verdict {
  const ignored: Verdict = { class: "ignored", retryAfterMs: null, executed: failure.sent };
  switch (failure.kind) {
    case "status":
      return statusVerdict(failure.status, failure.retryAfterMs);
    case "timeout":
      return { ...ignored, class: "timed_out" };
    case "unreachable":
    case "invalid_response":
      return { ...ignored, class: "failed" };
    case "rpc_error":
      return failure.rpcCode === RPC_INTERNAL_ERROR ? BROKEN_ANSWER : ignored;
    case "cancelled":
    case "too_large":
    case "redirect_refused":
    case "egress_refused":
    case "request_refused":
      return ignored;
  }
}
