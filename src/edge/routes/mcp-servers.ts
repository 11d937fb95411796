/**
 * `/v1/mcp-servers`: the tenant's remote MCP servers. A write looks at the server at once, so its answer says what the
 * server offers; a server that cannot be reached is stored all the same, and the answer says that too.
 */

import { Hono, type Context } from "hono";

import { lookAtMcpServer, mcpEndpoint } from "../../assembly/mcp-servers.ts";
import { McpServer, type NamedMcpServer } from "../../contract/mcp.ts";
import { McpLabel } from "../../contract/names.ts";
import { deleteMcpServer, listMcpServers, putMcpServer } from "../../tenancy/resources.ts";
import { mcpToolStates } from "../../tenancy/mcp-tools.ts";
import { forgetSnapshot, loadSnapshot } from "../../tenancy/snapshot.ts";
import { checkMcpServer } from "../../tools/mcp/check-mcp-server.ts";
import type { GatewayError } from "../../contract/error.ts";
import type { TenantSnapshot } from "../../contract/tenant.ts";
import { fail, ok, type Result } from "../../platform/result.ts";
import { readBody } from "../body.ts";
import type { EdgeEnv } from "../edge-env.ts";
import { requireScope } from "../middleware/require-scope.ts";
import { readPageQuery } from "../paging.ts";
import { refuse } from "../refuse.ts";
import { readName, readNewName } from "../resource-name.ts";

/** Routes of MCP servers. */
export const mcpServers = new Hono<EdgeEnv>()
  .get("/", requireScope("GET", "/v1/mcp-servers"), async (c) => {
    const query = readPageQuery(c);
    if (!query.ok) return refuse(c, query.error);
    const page = await listMcpServers(c.env, c.var.key, query.value);
    if (!page.ok) return refuse(c, page.error);
    const data = page.value.data.map(({ name, version, server }) => ({
      label: name,
      version,
      ...server,
    }));
    return c.json({ ...page.value, data });
  })
  .get("/:name", requireScope("GET", "/v1/mcp-servers/:name"), async (c) => {
    const label = readName(c, McpLabel);
    if (!label.ok) return refuse(c, label.error);
    const found = await findServer(c, label.value);
    return found.ok ? c.json(view(found.value)) : refuse(c, found.error);
  })
  .put("/:name", requireScope("PUT", "/v1/mcp-servers/:name"), async (c) => {
    const label = readNewName(c, McpLabel);
    if (!label.ok) return refuse(c, label.error);
    const body = await readBody(c.req.raw, McpServer);
    if (!body.ok) return refuse(c, body.error);
    const violations = checkMcpServer(body.value, {
      allowLoopback: c.env.ALLOW_LOOPBACK === "true",
    });
    if (violations.length > 0) return refuse(c, { code: "unprocessable", violations });
    const written = await putMcpServer(c.env, c.var.key, label.value, body.value);
    if (!written.ok) return refuse(c, written.error);
    const stored = await findServer(c, label.value);
    if (!stored.ok) return refuse(c, stored.error);
    const { snapshot, named } = stored.value;
    const looked = await lookAtMcpServer(c.env, snapshot, mcpEndpoint(named), (work) =>
      c.executionCtx.waitUntil(work),
    );
    if (!looked.ok) return refuse(c, looked.error);
    const seen = await findServer(c, label.value);
    if (!seen.ok) return refuse(c, seen.error);
    return c.json(view(seen.value), written.value.created ? 201 : 200);
  })
  .delete("/:name", requireScope("DELETE", "/v1/mcp-servers/:name"), async (c) => {
    const label = readName(c, McpLabel);
    if (!label.ok) return refuse(c, label.error);
    const deleted = await deleteMcpServer(c.env, c.var.key, label.value);
    return deleted.ok ? c.body(null, 204) : refuse(c, deleted.error);
  });

interface Found {
  readonly snapshot: TenantSnapshot;
  readonly named: NamedMcpServer;
}

/** The server as it is now, not as this isolate knew it. */
async function findServer(
  c: Context<EdgeEnv>,
  label: string,
): Promise<Result<Found, GatewayError>> {
  const { key } = c.var;
  if (key.tenantId !== null) forgetSnapshot(key.tenantId);
  const snapshot = await loadSnapshot(c.env, key, Date.now());
  if (!snapshot.ok) return snapshot;
  const named = snapshot.value.mcpServers.find((server) => server.label === label);
  return named === undefined
    ? fail({ code: "not_found" })
    : ok({ snapshot: snapshot.value, named });
}

function view({ snapshot, named }: Found): object {
  const { label, version, server, listing } = named;
  const isOfThisUrl = listing?.url === server.url;
  const taken = new Set(
    snapshot.tools
      .filter(({ definition: { mcp }, name }) => name !== `${mcp?.server}__${mcp?.tool}`)
      .map(({ name }) => name),
  );
  return {
    label,
    version,
    ...server,
    status: statusOf(isOfThisUrl ? listing : null),
    negotiated: isOfThisUrl ? listing.protocol : null,
    listed_at: isoTime(isOfThisUrl ? listing.listed_at_ms : null),
    expires_at: isoTime(isOfThisUrl ? listing.expires_at_ms : null),
    error: isOfThisUrl && listing.failure !== null ? errorOf(listing.failure) : null,
    listed: mcpToolStates(named, taken).map(({ name, listed, effect, withheld }) => ({
      name,
      tool: listed.name,
      description: listed.description,
      effect,
      annotations: listed.annotations ?? {},
      definition: listed.hash,
      offered: withheld === null,
      ...(withheld !== null && { reason: withheld.reason, message: withheld.message }),
      ...(listed.note !== null && { note: listed.note }),
    })),
  };
}

/** `unlisted`: never seen; `failing`: the last look failed, what is known is older; `ready` otherwise. */
function statusOf(listing: NamedMcpServer["listing"]): "unlisted" | "failing" | "ready" {
  if (listing === null) return "unlisted";
  return listing.failure === null ? "ready" : "failing";
}

function errorOf(failure: { code: string; message: string; at_ms: number }): object {
  return { code: failure.code, message: failure.message, at: isoTime(failure.at_ms) };
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
