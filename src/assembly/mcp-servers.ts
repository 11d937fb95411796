/**
 * Keeps what is known of a tenant's MCP servers current, without a request waiting for it.
 *
 * A server is looked at when it is registered, and again in the background when its list has outlived the time the
 * server gave it (`ttlMs`), when it said that the list has changed, or a while after a look that failed. Requests work
 * from the last good list meanwhile. What was seen goes to the tenant's object, so every isolate has it; an isolate
 * itself only remembers when it may look again.
 */

import type { GatewayError } from "../contract/error.ts";
import type { McpEndpoint, McpListingFailure, McpLook, NamedMcpServer } from "../contract/mcp.ts";
import { MAX_MCP_TOOLS } from "../contract/mcp.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { Abort } from "../platform/abort.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { lookUp } from "../resilience/look-up.ts";
import { tenantObject } from "../tenancy/objects.ts";
import { forgetSnapshot } from "../tenancy/snapshot.ts";
import { sessionKey } from "../tools/mcp/execute-mcp.ts";
import { judgeListedTool } from "../tools/mcp/listed-tool.ts";
import { mcpHeaders, mcpSecretNames } from "../tools/mcp/mcp-headers.ts";
import { mcpCallError } from "../tools/mcp/mcp-outcome.ts";
import type { McpToolList } from "../upstream/mcp/list-tools.ts";
import type { McpFailure } from "../upstream/mcp/mcp-failure.ts";
import { openSecretFor } from "./secrets.ts";

/** Wall time of one look. */
const LOOK_TIMEOUT_MS = 15_000;

/** Longest list of tools, in decoded bytes. */
const MAX_LIST_BYTES = 1024 * 1024;

/** How long a list is taken for current: what the server says within these bounds, the default where it does not. */
const DEFAULT_TTL_MS = 5 * 60_000;
const MIN_TTL_MS = 5_000;
const MAX_TTL_MS = 24 * 60 * 60_000;

/** After a look that failed. */
const RETRY_AFTER_MS = 30_000;

/** Servers an isolate remembers having looked at. */
const MAX_REMEMBERED = 1024;

/** Isolate cache: until then nobody here looks at that server again. */
const looking = new BoundedMap<string, true>(MAX_REMEMBERED);

type LookEnv = Pick<Env, "TENANT" | "ROLE" | "MASTER_KEYS" | "ALLOW_LOOPBACK">;

/** Whose servers they are, as plain data. */
export type LookTenant = Pick<TenantSnapshot, "tenantId" | "residency" | "dataKey" | "secrets">;

type Defer = (work: Promise<unknown>) => void;

/** A server as it is called. */
export function mcpEndpoint({ label, version, server }: NamedMcpServer): McpEndpoint {
  return {
    label,
    version,
    url: server.url,
    headers: server.headers,
    protocol: server.protocol,
    idleTimeoutMs: server.idle_timeout_ms,
  };
}

/** Looks in the background at every server whose list is out of date. Costs the caller nothing. */
export function refreshMcpServers(env: LookEnv, snapshot: TenantSnapshot, defer: Defer): void {
  const nowMs = Date.now();
  for (const named of snapshot.mcpServers) {
    const { listing, server } = named;
    const isCurrent =
      listing !== null && listing.url === server.url && listing.expires_at_ms > nowMs;
    if (!isCurrent) lookSoon(env, snapshot, mcpEndpoint(named), defer);
  }
}

/** Looks at one server in the background, unless this isolate did so a moment ago. */
export function lookSoon(
  env: LookEnv,
  tenant: LookTenant,
  endpoint: McpEndpoint,
  defer: Defer,
): void {
  const nowMs = Date.now();
  const key = JSON.stringify([tenant.tenantId, endpoint.label, endpoint.version]);
  if (looking.get(key, nowMs) !== undefined) return;
  looking.set(key, true, nowMs + MIN_TTL_MS);
  defer(lookAtMcpServer(env, tenant, endpoint, defer));
}

/** Looks at a server and notes what it offers. What goes wrong with the server is noted too and is no failure here. */
export async function lookAtMcpServer(
  env: LookEnv,
  tenant: LookTenant,
  endpoint: McpEndpoint,
  defer: Defer,
): Promise<Result<null, GatewayError>> {
  const look = await lookOf(env, tenant, endpoint, defer);
  const object = tenantObject(env, tenant.residency, tenant.tenantId);
  const noted = await object.noteMcpLook(endpoint.label, JSON.stringify(look));
  forgetSnapshot(tenant.tenantId);
  if (noted.ok) return ok(null);
  if (noted.error.code !== "unprocessable") return fail(noted.error);
  const message = "The list of tools is more than a tenant may keep.";
  const tooMuch = failedLook(endpoint, { code: "result_too_large", message });
  const notedFailure = await object.noteMcpLook(endpoint.label, JSON.stringify(tooMuch));
  return notedFailure.ok ? ok(null) : fail(notedFailure.error);
}

async function lookOf(
  env: LookEnv,
  tenant: LookTenant,
  endpoint: McpEndpoint,
  defer: Defer,
): Promise<McpLook> {
  const opened = await mcpHeaders(endpoint, (name, host) => openSecretFor(env, tenant, name, host));
  if (!opened.ok) return failedLook(endpoint, opened.error);
  const credentials = new Map(tenant.secrets.map(({ name, version }) => [name, String(version)]));
  const names = mcpSecretNames(endpoint.headers);
  const target = {
    sessionKey: sessionKey({ credentials, mcp: tenant }, endpoint, names),
    url: endpoint.url,
    protocol: endpoint.protocol,
  };
  const options = {
    headers: { "user-agent": "toolformer-edge", ...opened.value.headers },
    allowLoopback: env.ALLOW_LOOPBACK === "true",
    maxBytes: MAX_LIST_BYTES,
    defer,
  };
  // Nobody waits for it but who registers the server, and that one not for longer than this.
  const { listMcpTools } = await import("../upstream/mcp/list-tools.ts");
  const alone = new Abort().signal;
  const listed = await lookUp<McpToolList, McpFailure>(LOOK_TIMEOUT_MS, alone, (signal) =>
    listMcpTools(target, options, signal),
  );
  if (!listed.ok) return failedLook(endpoint, mcpCallError(listed.error));
  return lookFrom(endpoint, listed.value);
}

async function lookFrom(endpoint: McpEndpoint, list: McpToolList): Promise<McpLook> {
  const names = new Set(list.tools.map(({ name }) => name));
  if (list.tools.length > MAX_MCP_TOOLS || names.size < list.tools.length) {
    const message =
      names.size < list.tools.length
        ? "The server lists two tools of one name."
        : `The server lists more than ${MAX_MCP_TOOLS} tools.`;
    return failedLook(endpoint, { code: "result_invalid", message });
  }
  const tools = await Promise.all(list.tools.map((tool) => judgeListedTool(tool)));
  const at_ms = Date.now();
  const ttlMs = Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, list.ttlMs ?? DEFAULT_TTL_MS));
  return {
    url: endpoint.url,
    at_ms,
    expires_at_ms: at_ms + ttlMs,
    outcome: { ok: true, protocol: list.protocol, tools },
  };
}

function failedLook(
  { url }: McpEndpoint,
  { code, message }: Pick<McpListingFailure, "code" | "message">,
): McpLook {
  const at_ms = Date.now();
  const outcome = { ok: false as const, failure: { code, message, at_ms } };
  return { url, at_ms, expires_at_ms: at_ms + RETRY_AFTER_MS, outcome };
}
