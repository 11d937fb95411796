/**
 * Runs a planned call of a tool that lives on an MCP server: cache, credentials, the call under its guard, outcome.
 *
 * Ends are told as for any other tool (call-outcome.ts): a write whose answer was lost may have happened.
 */

import { balanceTarget, type BalanceTarget } from "../../contract/balance.ts";
import type { McpEndpoint } from "../../contract/mcp.ts";
import type { PlannedCall } from "../../contract/planned-call.ts";
import { type CallOutcome, type CallProgress, MAX_PROGRESS_MESSAGE } from "../../contract/run.ts";
import type { McpTool, Tool } from "../../contract/tool.ts";
import type { McpAnswer } from "../../upstream/mcp/call-tool.ts";
import type { McpFailure } from "../../upstream/mcp/mcp-failure.ts";
import { cachedCall, type SendLimits, type SentCall } from "../cache/cached-call.ts";
import { ANSWERED } from "../../upstream/status-verdict.ts";
import { refused, type Classified } from "../call-outcome.ts";
import { createScrubber } from "../scrub.ts";
import { type SendableCall, sendCall } from "../send-call.ts";
import type { ToolPorts } from "../tool-ports.ts";
import { verdictOfFailure } from "../verdict.ts";
import { mcpHeaders, mcpSecretNames } from "./mcp-headers.ts";
import { classifyMcpFailure } from "./mcp-outcome.ts";
import { readMcpAnswer } from "./read-answer.ts";

/** Longest answer of an MCP server to one call, in decoded bytes. */
export const MAX_MCP_BYTES = 8 * 1024 * 1024;

/** Requests sent so far, kept outside the call so that a bug does not lose the count. */
interface Progress {
  attempts: number;
  /** One of them was sent beside a slow one. */
  hedged?: true;
}

/** Runs the call; `mcp` says where its tool is. Rejects only with a bug. */
export async function executeMcp(
  ports: ToolPorts,
  { tool, mcp, call }: { readonly tool: Tool; readonly mcp: McpTool; readonly call: PlannedCall },
  timeoutMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<CallOutcome> {
  const endpoint = ports.mcp.servers.get(mcp.server);
  if (endpoint === undefined) {
    const message = `There is no MCP server "${mcp.server}".`;
    return refused({ code: "unknown_tool", message });
  }
  const task = { tool, mcp, call, endpoint, secrets: mcpSecretNames(endpoint.headers) };
  return cachedCall(ports, task, timeoutMs, signal, (own, limits) =>
    sendMcp(own, task, limits, progress),
  );
}

interface McpTask {
  readonly tool: Tool;
  readonly mcp: McpTool;
  readonly call: PlannedCall;
  readonly endpoint: McpEndpoint;
  readonly secrets: ReadonlySet<string>;
}

async function sendMcp(
  ports: ToolPorts,
  { tool, mcp, call, endpoint, secrets }: McpTask,
  { timeoutMs, signal }: SendLimits,
  progress: Progress,
): Promise<SentCall> {
  const startedMs = ports.now();
  const opened = await mcpHeaders(endpoint, ports.openSecret);
  if (!opened.ok) return { outcome: refused(opened.error), answer: null };
  const target = {
    sessionKey: sessionKey(ports, endpoint, secrets),
    url: endpoint.url,
    protocol: endpoint.protocol,
  };
  const sentMs = ports.now();
  const remainingMs = Math.max(0, timeoutMs - (sentMs - startedMs));
  const sendable: SendableCall<BalanceTarget, McpAnswer, McpFailure> = {
    call,
    definition: tool.definition,
    targets: [balanceTarget(`mcp:${mcp.server}`, {})],
    // The protocol carries no key; whoever declared the tool idempotent vouched for it.
    isKeyed: true,
    timeoutMs: remainingMs,
    attempt: (_, attemptSignal) => {
      const options = {
        headers: requestHeaders(ports, opened.value.headers),
        allowLoopback: ports.allowLoopback,
        maxBytes: MAX_MCP_BYTES,
        timeoutMs: Math.max(1, remainingMs - (ports.now() - sentMs)),
        idleTimeoutMs: endpoint.idleTimeoutMs,
        defer: (work: Promise<unknown>) => ports.mcp.defer(work),
        onListChanged: () => ports.mcp.onListChanged(mcp.server),
        onProgress: (told: CallProgress) =>
          ports.onProgress?.(publicProgress(told, opened.value.secrets)),
        onAttempt: () => {
          progress.attempts += 1;
        },
      };
      const what = { tool: mcp.tool, arguments: call.arguments, input: tool.definition.input };
      return ports.mcp.call(target, what, options, attemptSignal);
    },
    onHedge: () => {
      progress.hedged = true;
    },
    // A server that answers works, even where its tool says that it failed.
    classify: (result) => (result.ok ? ANSWERED : verdictOfFailure(result.error)),
  };
  const answered = await sendCall(ports, sendable, signal);
  const outcome = answered.ok
    ? classifyAnswer(tool, answered.value, opened.value.secrets)
    : classifyMcpFailure(call, answered.error);
  return {
    outcome: { ...outcome, ...progress },
    answer: answered.ok ? { status: 200, headers: hintsOf(answered.value) } : null,
  };
}

/** What a server says about keeping a result (`ttlMs`, `cacheScope`), in the words of HTTP. */
function hintsOf({ ttlMs, cacheScope }: McpAnswer): Readonly<Record<string, string>> {
  if (cacheScope === "private") return { "cache-control": "private" };
  return ttlMs === null ? {} : { "cache-control": `max-age=${Math.floor(ttlMs / 1000)}` };
}

/** What a server says of a call's progress, without the call's secrets and no longer than may be handed on. */
function publicProgress(
  { message, ...numbers }: CallProgress,
  secrets: readonly string[],
): CallProgress {
  if (message === undefined) return numbers;
  const clean = createScrubber(secrets).text(message);
  return { ...numbers, message: clean.slice(0, MAX_PROGRESS_MESSAGE) };
}

/** Names a warm session: whose it is, of which server as it is now, and with which credentials. */
export function sessionKey(
  ports: {
    readonly credentials: ReadonlyMap<string, string>;
    readonly mcp: { readonly tenantId: string };
  },
  { label, version, url }: Pick<McpEndpoint, "label" | "version" | "url">,
  secretNames: Iterable<string>,
): string {
  const credentials = [...secretNames].map((name) => [name, ports.credentials.get(name) ?? ""]);
  return JSON.stringify([ports.mcp.tenantId, label, version, url, credentials]);
}

function requestHeaders(
  { locale, traceparent }: Pick<ToolPorts, "locale" | "traceparent">,
  own: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const headers = { "accept-language": locale, "user-agent": "toolformer-edge", ...own };
  return traceparent === null ? headers : { ...headers, traceparent };
}

function classifyAnswer(tool: Tool, answer: McpAnswer, secrets: readonly string[]): Classified {
  const output = readMcpAnswer(tool.definition, answer, secrets);
  return output.ok
    ? { status: "succeeded", outputJson: output.value }
    : { status: "failed", error: output.error };
}
