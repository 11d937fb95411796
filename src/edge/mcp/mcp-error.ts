/** Errors of `/mcp` as JSON-RPC has them, with the status and headers every other route has. */

import type { GatewayError } from "../../contract/error.ts";
import { ENGLISH, errorDetail } from "../error-texts.ts";
import { errorHeaders, retryAfterMs, STATUS } from "../problem.ts";

/** JSON-RPC's own code of a message that is not JSON (§5.1), and the first of those left to servers. */
const RPC_PARSE_ERROR = -32_700;
const RPC_SERVER_ERROR = -32_000;

/** True for the path where clients speak MCP. */
export function isMcpPath(path: string): boolean {
  return path === "/mcp";
}

/** `error` as an answer to a message whose id nobody knows. */
export function mcpErrorResponse(error: GatewayError): Response {
  const body = { jsonrpc: "2.0", id: null, error: rpcError(error) };
  return new Response(JSON.stringify(body), {
    status: STATUS[error.code],
    headers: { "content-type": "application/json", ...errorHeaders(error) },
  });
}

/** `error` as JSON-RPC's error object; its data tells the gateway's own code. */
export function rpcError(error: GatewayError): {
  readonly code: number;
  readonly message: string;
  readonly data: object;
} {
  const waitMs = retryAfterMs(error);
  return {
    code: error.code === "invalid_json" ? RPC_PARSE_ERROR : RPC_SERVER_ERROR,
    message: errorDetail(error, ENGLISH),
    data: {
      code: error.code,
      ...(waitMs !== null && { retry_after_ms: waitMs }),
      ...("violations" in error && { violations: error.violations }),
    },
  };
}
