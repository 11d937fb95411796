/** Every way an MCP server can fail to answer, as data: the ways of any request, and those of the protocol. */

import type { UpstreamFailure } from "../failure.ts";

/** Why there is no result. */
export type McpFailure =
  | UpstreamFailure
  /** Nothing was heard for as long as the server may be silent, or the whole took too long. */
  | { readonly kind: "timeout"; readonly sent: boolean }
  /** The server answered with an error status. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly retryAfterMs: number | null;
      readonly sent: true;
    }
  /** The server answered with a JSON-RPC error. */
  | { readonly kind: "rpc_error"; readonly rpcCode: number; readonly sent: true };
