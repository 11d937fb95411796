/**
 * Ports of tool calls, built from plain data: the tenant's sealed secrets, its cache where it may have one, and the one
 * way out.
 */

import type { Backpressure } from "../contract/backpressure.ts";
import type { Residency } from "../contract/key.ts";
import type { Policy } from "../contract/policy.ts";
import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { Sealed, SealedSecret } from "../contract/secret.ts";
import type { McpEndpoint } from "../contract/mcp.ts";
import type { Tool } from "../contract/tool.ts";
import type { UpstreamSession } from "../contract/upstream-session.ts";
import type { Rank } from "../resilience/crowd.ts";
import { OPEN_SESSION } from "../resilience/open-session.ts";
import { pacingOf } from "../resilience/pace.ts";
import { breakerGate } from "../tenancy/breaker-gate.ts";
import { upstreamSession } from "../tenancy/upstream-sessions.ts";
import { tenantScope } from "../tools/cache/cache-key.ts";
import type { McpPorts, ToolPorts } from "../tools/tool-ports.ts";
import { sendRequest } from "../upstream/send.ts";
import { lookSoon, mcpEndpoint } from "./mcp-servers.ts";
import type { RunContext } from "./run-context.ts";
import { noteWritten } from "./note-written.ts";
import { resultsOf } from "./result-layers.ts";
import { openSecretFor } from "./secrets.ts";

/** What tool calls need of their tenant, as it travels to a `ToolShard`. Secrets are sealed. */
export interface ToolContext {
  readonly tenantId: string;
  readonly residency: Residency;
  readonly dataKey: Sealed;
  readonly secrets: readonly SealedSecret[];
  /** Absent from an isolate that is one release behind. */
  readonly mcpServers?: readonly McpEndpoint[];
  readonly cacheEnabled: boolean;
  readonly results: Policy["results"];
  /** Absent from an isolate that is one release behind. */
  readonly resilience?: ResiliencePolicy;
  /** Absent where requests to upstreams are not paced. */
  readonly backpressure?: Backpressure;
  /** For whom the calls are made. Absent: nobody is turned away. */
  readonly rank?: Rank;
  readonly locale: string;
  readonly traceparent: string | null;
  /** Absent from an isolate that is one release behind. */
  readonly cacheTags?: readonly string[];
}

/** The part of a run's context that its tool calls need. */
export function toolContext(context: RunContext): ToolContext {
  const { snapshot, locale, traceparent, cacheTags } = context;
  const { tenantId, residency, dataKey, secrets, policy } = snapshot;
  const mcpServers = snapshot.mcpServers.map(mcpEndpoint);
  return {
    tenantId,
    residency,
    dataKey,
    secrets,
    mcpServers,
    cacheEnabled: policy.cache.enabled,
    results: policy.results,
    resilience: policy.resilience,
    locale,
    traceparent,
    ...(policy.backpressure?.strategy === "adaptive" && { backpressure: policy.backpressure }),
    ...(cacheTags !== undefined && { cacheTags }),
  };
}

/** Ports for calls of `tools`. `defer` takes work that may outlive the answer, such as filling the cache. */
export function toolPorts(
  env: Pick<
    Env,
    | "RESULTS"
    | "RESULT_CACHE"
    | "MASTER_KEYS"
    | "ALLOW_LOOPBACK"
    | "TENANT"
    | "TENANT_GATE"
    | "ROLE"
  >,
  context: ToolContext,
  tools: ReadonlyMap<string, Tool>,
  defer: (work: Promise<unknown>) => void,
): ToolPorts {
  const scope = context.cacheEnabled ? tenantScope(context) : null;
  const pacing = pacingOf(context.tenantId, context.backpressure);
  return {
    tools,
    send: sendRequest,
    openSecret: (name, host) => openSecretFor(env, context, name, host),
    credentials: new Map(context.secrets.map(({ name, version }) => [name, String(version)])),
    cache: scope === null ? null : { scope, results: resultsOf(env, context, defer) },
    onWritten: (tags) => noteWritten(env, context, tags, defer),
    mcp: mcpPorts(env, context, defer),
    upstreams: upstreamsOf(env, context, defer),
    ...(context.rank !== undefined && { rank: context.rank }),
    ...(pacing !== null && { pacing }),
    allowLoopback: env.ALLOW_LOOPBACK === "true",
    locale: context.locale,
    traceparent: context.traceparent,
    now: () => Date.now(),
  };
}

function upstreamsOf(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  context: ToolContext,
  defer: (work: Promise<unknown>) => void,
): UpstreamSession {
  const { tenantId, resilience: policy } = context;
  if (policy === undefined) return OPEN_SESSION;
  return upstreamSession({ tenantId, policy, gate: breakerGate(env, context, defer) });
}

function mcpPorts(
  env: Pick<Env, "MASTER_KEYS" | "ALLOW_LOOPBACK" | "TENANT" | "ROLE">,
  context: ToolContext,
  defer: (work: Promise<unknown>) => void,
): McpPorts {
  const servers = new Map((context.mcpServers ?? []).map((endpoint) => [endpoint.label, endpoint]));
  return {
    tenantId: context.tenantId,
    servers,
    // Loaded when it is first needed: most isolates never meet an MCP server, and its SDK is heavy.
    call: async (...call) => (await import("../upstream/mcp/call-tool.ts")).callMcpTool(...call),
    defer,
    onListChanged(label) {
      const endpoint = servers.get(label);
      if (endpoint !== undefined) lookSoon(env, context, endpoint, defer);
    },
  };
}
