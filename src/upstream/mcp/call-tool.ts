/**
 * Calls one tool of an MCP server.
 *
 * A progress token is always sent, so a server that says how far it is keeps its call alive: progress restarts the idle
 * timer, the total stays hard. An abort tells the server (`notifications/cancelled`, or the closed stream where the
 * revision says so). A server that has forgotten a warm session gets one new one; it has not looked at the call then.
 */

import type { Client } from "@modelcontextprotocol/client";

import type { CallProgress } from "../../contract/run.ts";
import type { JsonObject } from "../../platform/canonical-json.ts";
import { type Result, fail, ok } from "../../platform/result.ts";
import { McpExchange, type ExchangeOptions } from "./exchange.ts";
import type { McpFailure } from "./mcp-failure.ts";
import { failureOf } from "./sdk-failure.ts";
import { forgetSession, openSession, type McpTarget } from "./session.ts";

/** One call. */
export interface McpCall {
  readonly tool: string;
  readonly arguments: JsonObject;
  /** The tool's input schema; parts of the arguments may have to be repeated as headers (2026-07-28). */
  readonly input: JsonObject;
}

/** What a call may take, and who hears of its surroundings. */
export interface McpCallOptions extends ExchangeOptions {
  /** Wall time of the whole, hand-shake included. */
  readonly timeoutMs: number;
  /** Silence after which the call is given up. */
  readonly idleTimeoutMs: number;
  /** The server said that its list of tools has changed. */
  readonly onListChanged: () => void;
  /** The server says how far the call is. */
  readonly onProgress: (progress: CallProgress) => void;
  /** A request for the call is about to be sent. */
  readonly onAttempt: () => void;
}

/** One block of a result's content, as far as it is read. */
export type McpContent = Awaited<ReturnType<Client["callTool"]>>["content"][number];

/** What a tool answered. */
export interface McpAnswer {
  /** Undefined when the tool gave none. */
  readonly structured: unknown;
  readonly content: readonly McpContent[];
  /** The tool ran and says that it failed. */
  readonly isError: boolean;
  /** How long it may be kept, and for whom, by the word of its server; null where it says nothing. */
  readonly ttlMs: number | null;
  readonly cacheScope: string | null;
}

/** Calls the tool. Never rejects; when `signal` aborts, every connection is closed. */
export async function callMcpTool(
  target: McpTarget,
  call: McpCall,
  options: McpCallOptions,
  signal: AbortSignal,
): Promise<Result<McpAnswer, McpFailure>> {
  const first = await attempt(target, call, options, signal);
  if (first.ok || !first.error.isSessionLost) return first.ok ? first : fail(first.error.failure);
  forgetSession(target);
  const second = await attempt(target, call, options, signal);
  return second.ok ? second : fail(second.error.failure);
}

interface AttemptFailure {
  readonly failure: McpFailure;
  readonly isSessionLost: boolean;
}

async function attempt(
  target: McpTarget,
  call: McpCall,
  options: McpCallOptions,
  signal: AbortSignal,
): Promise<Result<McpAnswer, AttemptFailure>> {
  const exchange = new McpExchange(options, signal);
  let client: Client | null = null;
  let canBeLost = false;
  try {
    const session = await openSession(target, exchange, Date.now());
    ({ client, canBeLost } = session);
    client.setNotificationHandler("notifications/tools/list_changed", options.onListChanged);
    options.onAttempt();
    const result = await client.callTool(
      { name: call.tool, arguments: call.arguments },
      {
        signal: exchange.signal,
        timeout: Math.min(options.idleTimeoutMs, options.timeoutMs),
        resetTimeoutOnProgress: true,
        maxTotalTimeout: options.timeoutMs,
        // Only a call with a listener carries a progress token.
        onprogress: ({ progress, total, message }) =>
          options.onProgress({
            progress,
            ...(total !== undefined && { total }),
            ...(message !== undefined && { message }),
          }),
        // Without an output schema: this gateway checks results itself.
        toolDefinition: { name: call.tool, inputSchema: { ...call.input, type: "object" } },
      },
    );
    const { ttlMs, cacheScope } = result;
    return ok({
      structured: result.structuredContent,
      content: result.content,
      isError: result.isError === true,
      ttlMs: typeof ttlMs === "number" && ttlMs >= 0 ? ttlMs : null,
      cacheScope: typeof cacheScope === "string" ? cacheScope : null,
    });
  } catch (thrown) {
    const failure = failureOf(thrown, exchange);
    const status = exchange.refusal?.status;
    return fail({ failure, isSessionLost: canBeLost && (status === 404 || status === 400) });
  } finally {
    exchange.close();
    await client?.close().catch(() => undefined);
  }
}
