/** Lists the tools of an MCP server, all pages, within a number of bytes and tools. */

import type { Client, Tool } from "@modelcontextprotocol/client";

import { type Result, fail, ok } from "../../platform/result.ts";
import { McpExchange, type ExchangeOptions } from "./exchange.ts";
import type { McpFailure } from "./mcp-failure.ts";
import { failureOf } from "./sdk-failure.ts";
import { forgetSession, openSession, type McpTarget } from "./session.ts";

/** Time for one page. */
const PAGE_TIMEOUT_MS = 10_000;

/** What a server says about its tools. */
export interface McpToolList {
  /** The revision spoken. */
  readonly protocol: string;
  readonly tools: readonly Tool[];
  /** How long the list may be taken for current, or null when the server does not say. */
  readonly ttlMs: number | null;
}

/** The list of tools. Connects anew, so that what the server can do is known. Never rejects. */
export async function listMcpTools(
  target: McpTarget,
  options: ExchangeOptions,
  signal: AbortSignal,
): Promise<Result<McpToolList, McpFailure>> {
  const exchange = new McpExchange(options, signal);
  forgetSession(target);
  let client: Client | null = null;
  try {
    const session = await openSession(target, exchange, Date.now());
    ({ client } = session);
    const listed = await client.listTools(undefined, {
      signal: exchange.signal,
      timeout: PAGE_TIMEOUT_MS,
      cacheMode: "bypass",
    });
    const { ttlMs } = listed;
    return ok({
      protocol: session.protocol,
      tools: listed.tools,
      ttlMs: typeof ttlMs === "number" && ttlMs >= 0 ? ttlMs : null,
    });
  } catch (thrown) {
    return fail(failureOf(thrown, exchange));
  } finally {
    exchange.close();
    await client?.close().catch(() => undefined);
  }
}
