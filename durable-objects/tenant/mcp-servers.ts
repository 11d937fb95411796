/** A tenant's MCP servers among its resources: how they are read for a snapshot, and how a look at one is noted. */

import type { GatewayError } from "../../src/contract/error.ts";
import {
  McpListing,
  McpServer,
  type McpLook,
  type NamedMcpServer,
} from "../../src/contract/mcp.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import { mergeLook } from "./merge-look.ts";
import type { ResourceTable } from "./resource-table.ts";

/** Every server with what is known of it. */
export function mcpServersOf(resources: ResourceTable): readonly NamedMcpServer[] {
  return resources.all("mcp_server").map(({ name, version, body }) => ({
    label: name,
    version,
    server: McpServer.parse(JSON.parse(body)),
    listing: listingOf(resources, name),
  }));
}

/** Notes a look; `conflict` when it was a look at another address than the server has now. */
export function noteLook(
  resources: ResourceTable,
  label: string,
  lookJson: string,
): Result<null, GatewayError> {
  const stored = resources.read("mcp_server", label);
  // Written by this gateway from checked parts; RPC cannot type the recursion of JSON Schema.
  const look: McpLook = JSON.parse(lookJson);
  if (stored === null || McpServer.parse(JSON.parse(stored.body)).url !== look.url) {
    return fail({ code: "conflict", detail: "The MCP server was changed at the same time." });
  }
  const listing = mergeLook(listingOf(resources, label), look);
  const written = resources.put("mcp_listing", label, JSON.stringify(listing));
  return written.ok ? ok(null) : written;
}

function listingOf(resources: ResourceTable, label: string): McpListing | null {
  const row = resources.read("mcp_listing", label);
  return row === null ? null : McpListing.parse(JSON.parse(row.body));
}
