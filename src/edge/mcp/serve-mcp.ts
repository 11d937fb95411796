/**
 * One message of an MCP client, served by the official SDK without any state between messages, in both revisions.
 *
 * 2026-07-28 has no sessions; a client cancels by closing its stream. A client of 2025-11-25 is given a session id that
 * stands for nothing but itself: with it and the id of a request, a later `notifications/cancelled` finds the run of that
 * request wherever it goes on. A call runs as a run of one call, so limits, cache, deadline and egress are those of
 * `/v1/runs`.
 */

import {
  createMcpHandler,
  ProtocolError,
  ProtocolErrorCode,
  Server,
} from "@modelcontextprotocol/server";
import type { Context } from "hono";

import { cancelNamedRun, startRun, type RunCaller } from "../../assembly/start-run.ts";
import type { GatewayError } from "../../contract/error.ts";
import {
  RunRequest,
  type CallProgress,
  type CallResult,
  type RunEvent,
} from "../../contract/run.ts";
import type { Tool } from "../../contract/tool.ts";
import { newId } from "../../platform/id.ts";
import { startAdmitted, type AdmittedRun } from "../admitted-run.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { refusedResult, toolResult, type ToolResult } from "./call-result.ts";
import { rpcError } from "./mcp-error.ts";
import { toolPage } from "./tool-list.ts";

/** How long a client may take a list of tools for current: as long as an isolate does. */
const LIST_TTL_MS = 30_000;

/** Who asks, and which tools that key may use. */
export interface McpCaller {
  readonly caller: RunCaller;
  readonly tools: readonly Tool[];
}

/** A message as far as it is read before the SDK has it. */
interface Peeked {
  readonly method: string;
  /** The request a `notifications/cancelled` speaks of. */
  readonly cancels: string | null;
}

/** Answers the message; `body` is the request's JSON. */
export async function serveMcp(
  c: Context<EdgeEnv>,
  { caller, tools }: McpCaller,
  body: unknown,
): Promise<Response> {
  const request = c.req.raw;
  const session = c.req.header("mcp-session-id") ?? null;
  const { method, cancels } = peek(body);
  if (method === "notifications/cancelled" && session !== null && cancels !== null) {
    await cancelNamedRun(c.env, caller, runName(session, cancels));
    return new Response(null, { status: 202 });
  }
  const handler = createMcpHandler(() => createServer(c, caller, tools, session), {
    // A call's stream is written to while it runs: only so is a client that leaves noticed.
    responseMode: method === "tools/call" ? "sse" : "auto",
    keepAliveMs: caller.snapshot.policy.runs.heartbeat_ms,
    maxSubscriptions: 0,
  });
  const response = await handler.fetch(request, { parsedBody: body });
  if (method !== "initialize" || !response.ok) return response;
  const headers = new Headers(response.headers);
  headers.set("mcp-session-id", newId("mcp"));
  return new Response(response.body, { status: response.status, headers });
}

function createServer(
  c: Context<EdgeEnv>,
  caller: RunCaller,
  tools: readonly Tool[],
  session: string | null,
): Server {
  const hint = { ttlMs: LIST_TTL_MS, cacheScope: "private" as const };
  const server = new Server(
    { name: "toolformer-edge", version: "1" },
    { capabilities: { tools: {} }, cacheHints: { "tools/list": hint, "server/discover": hint } },
  );
  server.setRequestHandler("tools/list", ({ params }) => {
    const page = toolPage(tools, params?.cursor);
    if (!page.ok) throw new ProtocolError(ProtocolErrorCode.InvalidParams, "Unknown cursor.");
    return { ...page.value, tools: [...page.value.tools] };
  });
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    const { id, signal, notify, _meta } = context.mcpReq;
    if (!tools.some(({ name }) => name === params.name)) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    }
    const call = {
      tool: params.name,
      arguments: params.arguments ?? {},
      name: session === null ? null : runName(session, String(id)),
    };
    const progressToken = _meta?.progressToken;
    const report = async (progress: number, message: string): Promise<void> => {
      if (progressToken === undefined) return;
      const told = { progressToken, progress, total: 2, message };
      await notify({ method: "notifications/progress", params: told });
    };
    return callTool(c, caller, call, report, signal);
  });
  return server;
}

interface WantedCall {
  readonly tool: string;
  readonly arguments: unknown;
  /** The name by which the run can be cancelled, or null. */
  readonly name: string | null;
}

async function callTool(
  c: Context<EdgeEnv>,
  caller: RunCaller,
  call: WantedCall,
  report: (progress: number, message: string) => Promise<void>,
  signal: AbortSignal,
): Promise<ToolResult> {
  const request = RunRequest.parse({ calls: [{ tool: call.tool, arguments: call.arguments }] });
  const options = { idempotencyKey: null, cancelName: call.name };
  const run = await startAdmitted(c, caller, (runSignal) =>
    startRun(c.env, caller, request, options, runSignal),
  );
  if (!run.ok) return refused(run.error);
  const leave = () => run.value.leave();
  signal.addEventListener("abort", leave, { once: true });
  if (signal.aborted) leave();
  try {
    const result = await followRun(run.value, report);
    if (result === null) return refused({ code: "cancelled" });
    await report(2, "finished");
    return toolResult(result);
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** How far a call is that has started; one that has finished is one step further. */
const STARTED = 1;

/** A step of unknown size is this part of what is left: a hundred of them still grow, and never arrive. */
const SMALL_STEP = 20;

/** Where `progress` stands between started and finished: always beyond `heard`, as the protocol demands, and never at the end. */
function further(heard: number, { progress, total }: CallProgress): number {
  const left = STARTED + 1 - heard;
  const told = total !== undefined && total > 0 ? STARTED + progress / total : heard;
  return told > heard && told < STARTED + 1 ? told : heard + left / SMALL_STEP;
}

/** The call's result, or null when the run was lost. */
async function followRun(
  { events }: AdmittedRun<RunEvent>,
  report: (progress: number, message: string) => Promise<void>,
): Promise<CallResult | null> {
  let heard = STARTED;
  for (let next = await events.next(); next.done !== true; next = await events.next()) {
    if (next.value.type === "call.queued") await report(0, "queued");
    if (next.value.type === "call.started") await report(STARTED, "started");
    if (next.value.type === "call.progress") {
      const { message = "running" } = next.value.progress;
      heard = further(heard, next.value.progress);
      await report(heard, message);
    }
    if (next.value.type === "run.completed") return next.value.report.results[0] ?? null;
  }
  return null;
}

/** Arguments that do not fit are the model's to repair; everything else is an error of the request. */
function refused(error: GatewayError): ToolResult {
  if (error.code === "unprocessable") return refusedResult(error.violations);
  const { code, message, data } = rpcError(error);
  throw new ProtocolError(code, message, data);
}

function runName(session: string, requestId: string): string {
  return JSON.stringify([session, requestId]);
}

function peek(body: unknown): Peeked {
  if (typeof body !== "object" || body === null || !("method" in body)) {
    return { method: "", cancels: null };
  }
  const params = "params" in body ? body.params : null;
  const cancelled =
    typeof params === "object" && params !== null && "requestId" in params
      ? params.requestId
      : null;
  const isId = typeof cancelled === "string" || typeof cancelled === "number";
  return { method: String(body.method), cancels: isId ? String(cancelled) : null };
}
