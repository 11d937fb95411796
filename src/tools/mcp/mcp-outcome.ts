/** What a failure of an MCP server means: for the call that met it, and in the words a tenant reads. */

import type { PlannedCall } from "../../contract/planned-call.ts";
import type { CallError } from "../../contract/run.ts";
import type { GuardFailure } from "../../resilience/guard.ts";
import type { McpFailure } from "../../upstream/mcp/mcp-failure.ts";
import { classifyFailure, classifyStatus, lostStatus, type Classified } from "../call-outcome.ts";

/** What a failure means for its call. */
export function classifyMcpFailure(
  call: Pick<PlannedCall, "effect">,
  failure: McpFailure | GuardFailure,
): Classified & { readonly error: CallError } {
  switch (failure.kind) {
    case "status":
      return classifyStatus(failure.status, failure.retryAfterMs);
    case "rpc_error": {
      const message = `The MCP server answered with the error ${failure.rpcCode}.`;
      return { status: "failed", error: { code: "mcp_error", message } };
    }
    case "timeout":
      return {
        status: lostStatus(call, failure.sent, "timeout"),
        error: { code: "tool_timeout", message: "The tool did not answer in time." },
      };
    case "held":
    case "shed":
    case "aborted":
    case "cancelled":
    case "unreachable":
    case "too_large":
    case "invalid_response":
    case "redirect_refused":
    case "egress_refused":
    case "request_refused":
      return classifyFailure(call, failure);
  }
}

/** The same without a call: a look at the server's list. */
export function mcpCallError(failure: McpFailure | GuardFailure): CallError {
  return classifyMcpFailure({ effect: "read" }, failure).error;
}
