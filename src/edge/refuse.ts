/** Answers a request with an error, in the envelope its path speaks, and notes the code for the log. */

import type { Context } from "hono";

import type { GatewayError } from "../contract/error.ts";
import type { EdgeEnv } from "./edge-env.ts";
import { anthropicErrorResponse, isAnthropicPath } from "./anthropic-error.ts";
import { isMcpPath, mcpErrorResponse } from "./mcp/mcp-error.ts";
import { isOpenAIPath, openAIErrorResponse } from "./openai-error.ts";
import { problemResponse } from "./problem.ts";

/** The answer to a request that met `error`. */
export function refuse(c: Context<EdgeEnv>, error: GatewayError): Response {
  c.var.record.code = error.code;
  const { path } = c.req;
  if (isAnthropicPath(path)) return anthropicErrorResponse(error, c.var.record.id);
  if (isMcpPath(path)) return mcpErrorResponse(error);
  return isOpenAIPath(path) ? openAIErrorResponse(error) : problemResponse(error, c.var.record.id);
}
