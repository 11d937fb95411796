/**
 * Resources: a tenant's tools, upstreams and secrets. Values are checked by their schemas before they come here; a
 * secret is sealed before it leaves here, so its object never sees it in the clear.
 */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import { McpServer } from "../contract/mcp.ts";
import { pageLimit, pageOf, type Page, type PageQuery } from "../contract/page.ts";
import type { SecretPut } from "../contract/secret.ts";
import { StoredSecret } from "../contract/stored.ts";
import { ToolDefinition, type Tool } from "../contract/tool.ts";
import { Upstream, type NamedUpstream } from "../contract/upstream.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { ownTenant } from "./own-tenant.ts";
import { sealSecret } from "./sealed.ts";
import { forgetSnapshot, loadSnapshot } from "./snapshot.ts";

type ResourcesEnv = Pick<Env, "ROLE" | "TENANT">;

/** A secret as lists show it: everything but its value. */
export interface SecretView {
  readonly name: string;
  readonly version: number;
  readonly hosts: readonly string[];
}

/** An MCP server as its tenant wrote it. */
export interface McpServerRow {
  readonly name: string;
  readonly version: number;
  readonly server: McpServer;
}

/** What a write made of a resource; `created` when nothing of that name was there. */
export interface Written<T> {
  readonly value: T;
  readonly created: boolean;
}

/** Times a secret is sealed again because another write took its version meanwhile. */
const MAX_SEAL_ATTEMPTS = 3;

type Kind = "tool" | "upstream" | "secret" | "mcp_server";

interface Row {
  readonly name: string;
  readonly version: number;
  readonly body: string;
}

/** Writes a tool. */
export async function putTool(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
  definition: ToolDefinition,
): Promise<Result<Written<Tool>, GatewayError>> {
  return put(env, key, "tool", name, JSON.stringify(definition), toTool);
}

/** One tool. */
export async function readTool(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
): Promise<Result<Tool, GatewayError>> {
  const own = await read(env, key, "tool", name, toTool);
  if (own.ok || own.error.code !== "not_found") return own;
  const offered = await mcpTools(env, key);
  const found = offered.ok ? offered.value.find((tool) => tool.name === name) : undefined;
  return found === undefined ? own : ok(found);
}

/** The tools by name, those of the tenant's MCP servers among them. */
export async function listTools(
  env: ResourcesEnv,
  key: KeyRecord,
  query: PageQuery,
): Promise<Result<Page<Tool>, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const limit = pageLimit(query.limit);
  const after = query.after ?? "";
  const rows = await own.value.object.listResources("tool", after, limit + 1);
  const offered = await mcpTools(env, key);
  if (!offered.ok) return offered;
  const taken = new Set(rows.map(({ name }) => name));
  const others = offered.value.filter(({ name }) => name > after && !taken.has(name));
  const tools = [...rows.map(toTool), ...others];
  const byName = tools.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return ok(pageOf(byName.slice(0, limit + 1), limit, ({ name }) => name));
}

/** Removes a tool. */
export async function deleteTool(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
): Promise<Result<null, GatewayError>> {
  return remove(env, key, "tool", name);
}

/** Writes an upstream. */
export async function putUpstream(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
  upstream: Upstream,
): Promise<Result<Written<NamedUpstream>, GatewayError>> {
  return put(env, key, "upstream", name, JSON.stringify(upstream), toUpstream);
}

/** One upstream. */
export async function readUpstream(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
): Promise<Result<NamedUpstream, GatewayError>> {
  return read(env, key, "upstream", name, toUpstream);
}

/** The upstreams by name; the order in which they serve a model is that of their creation. */
export async function listUpstreams(
  env: ResourcesEnv,
  key: KeyRecord,
  query: PageQuery,
): Promise<Result<Page<NamedUpstream>, GatewayError>> {
  return list(env, key, "upstream", query, toUpstream);
}

/** Removes an upstream. */
export async function deleteUpstream(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
): Promise<Result<null, GatewayError>> {
  return remove(env, key, "upstream", name);
}

/** Seals and writes a secret. Its value can be used from now on and never be read again. */
export async function putSecret(
  env: Pick<Env, "MASTER_KEYS" | "ROLE" | "TENANT">,
  key: KeyRecord,
  name: string,
  secret: SecretPut,
): Promise<Result<Written<SecretView>, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const { id: tenantId, object } = own.value;
  for (let attempt = 1; ; attempt += 1) {
    const slot = await object.secretSlot(name);
    if (slot === null) return fail({ code: "not_found" });
    const { version, dataKey } = slot;
    const value = await sealSecret(env, { tenantId, dataKey }, { name, version }, secret.value);
    const body = JSON.stringify({ hosts: secret.hosts, value });
    const written = await object.putSecret(name, version, body);
    forgetSnapshot(tenantId);
    if (written.ok) return ok({ value: toSecret(written.value), created: written.value.created });
    if (written.error.code !== "conflict" || attempt === MAX_SEAL_ATTEMPTS) return written;
  }
}

/** The secrets' names, hosts and versions. */
export async function listSecrets(
  env: ResourcesEnv,
  key: KeyRecord,
  query: PageQuery,
): Promise<Result<Page<SecretView>, GatewayError>> {
  return list(env, key, "secret", query, toSecret);
}

/** Removes a secret. */
export async function deleteSecret(
  env: ResourcesEnv,
  key: KeyRecord,
  name: string,
): Promise<Result<null, GatewayError>> {
  return remove(env, key, "secret", name);
}

/** Writes an MCP server. What was seen of it stays, as long as its URL does. */
export async function putMcpServer(
  env: ResourcesEnv,
  key: KeyRecord,
  label: string,
  server: McpServer,
): Promise<Result<Written<McpServerRow>, GatewayError>> {
  return put(env, key, "mcp_server", label, JSON.stringify(server), toMcpServer);
}

/** The MCP servers by label. */
export async function listMcpServers(
  env: ResourcesEnv,
  key: KeyRecord,
  query: PageQuery,
): Promise<Result<Page<McpServerRow>, GatewayError>> {
  return list(env, key, "mcp_server", query, toMcpServer);
}

/** Removes an MCP server and what was seen of it. */
export async function deleteMcpServer(
  env: ResourcesEnv,
  key: KeyRecord,
  label: string,
): Promise<Result<null, GatewayError>> {
  return remove(env, key, "mcp_server", label);
}

/** The tools the tenant's MCP servers offer, as this isolate knows them. */
async function mcpTools(
  env: ResourcesEnv,
  key: KeyRecord,
): Promise<Result<readonly Tool[], GatewayError>> {
  const snapshot = await loadSnapshot(env, key, Date.now());
  if (!snapshot.ok) return snapshot;
  return ok(
    snapshot.value.tools.filter(
      ({ name, definition: { mcp } }) => mcp !== undefined && name === `${mcp.server}__${mcp.tool}`,
    ),
  );
}

async function put<T>(
  env: ResourcesEnv,
  key: KeyRecord,
  kind: Kind,
  name: string,
  body: string,
  fromRow: (row: Row) => T,
): Promise<Result<Written<T>, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const written = await own.value.object.putResource(kind, name, body);
  forgetSnapshot(own.value.id);
  if (!written.ok) return written;
  const { created, ...row } = written.value;
  return ok({ value: fromRow(row), created });
}

async function read<T>(
  env: ResourcesEnv,
  key: KeyRecord,
  kind: Kind,
  name: string,
  fromRow: (row: Row) => T,
): Promise<Result<T, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const row = await own.value.object.readResource(kind, name);
  return row === null ? fail({ code: "not_found" }) : ok(fromRow(row));
}

async function list<T extends { readonly name: string }>(
  env: ResourcesEnv,
  key: KeyRecord,
  kind: Kind,
  query: PageQuery,
  fromRow: (row: Row) => T,
): Promise<Result<Page<T>, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const limit = pageLimit(query.limit);
  const rows = await own.value.object.listResources(kind, query.after ?? "", limit + 1);
  return ok(pageOf(rows.map(fromRow), limit, (item) => item.name));
}

async function remove(
  env: ResourcesEnv,
  key: KeyRecord,
  kind: Kind,
  name: string,
): Promise<Result<null, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const removed = await own.value.object.removeResource(kind, name);
  forgetSnapshot(own.value.id);
  return removed ? ok(null) : fail({ code: "not_found" });
}

function toTool({ name, version, body }: Row): Tool {
  return { name, version, definition: ToolDefinition.parse(JSON.parse(body)) };
}

function toUpstream({ name, version, body }: Row): NamedUpstream {
  return { name, version, upstream: Upstream.parse(JSON.parse(body)) };
}

function toMcpServer({ name, version, body }: Row): McpServerRow {
  return { name, version, server: McpServer.parse(JSON.parse(body)) };
}

function toSecret({ name, version, body }: Row): SecretView {
  return { name, version, hosts: StoredSecret.parse(JSON.parse(body)).hosts };
}
