/** What the SDK threw, as data. Where the exchange knows the cause, that counts; prose never does. */

import { ProtocolError, SdkError, SdkErrorCode } from "@modelcontextprotocol/client";

import type { McpExchange } from "./exchange.ts";
import type { McpFailure } from "./mcp-failure.ts";

/** Why the exchange brought nothing. */
export function failureOf(thrown: unknown, exchange: McpExchange): McpFailure {
  const { failure, refusal, isSent } = exchange;
  if (failure !== null) return failure;
  if (thrown instanceof ProtocolError) {
    return { kind: "rpc_error", rpcCode: thrown.code, sent: true };
  }
  if (thrown instanceof SdkError && thrown.code === SdkErrorCode.RequestTimeout) {
    return { kind: "timeout", sent: isSent };
  }
  if (refusal !== null) return { kind: "status", ...refusal, sent: true };
  const reason = "The MCP server does not keep to the protocol.";
  return { kind: "invalid_response", reason, status: 200, sent: true };
}
