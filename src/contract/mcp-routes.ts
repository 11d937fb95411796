/** Routes by which tools come from elsewhere and go there: MCP both ways, OpenAPI; part of the route table. */

import type { Scope } from "./key.ts";
import { McpServer } from "./mcp.ts";
import { OpenApiImport } from "./openapi-import.ts";
import type { RouteEntry } from "./route-table.ts";

const READ_TOOLS: readonly Scope[] = ["tools:read", "tools:write", "tenant:admin"];
const WRITE_TOOLS: readonly Scope[] = ["tools:write", "tenant:admin"];

/** Every route of MCP servers. */
export const MCP_ROUTES: readonly RouteEntry[] = [
  {
    method: "POST",
    path: "/mcp",
    scopes: ["run"],
    status: 200,
    summary: "The key's tools for MCP clients, Streamable HTTP, 2026-07-28 and 2025-11-25.",
  },
  {
    method: "POST",
    path: "/v1/tools/import",
    scopes: WRITE_TOOLS,
    status: 200,
    summary:
      "Makes one tool of each operation of an OpenAPI document, and lists what cannot be one.",
    body: { name: "OpenApiImport", schema: OpenApiImport },
  },
  {
    method: "GET",
    path: "/v1/mcp-servers",
    scopes: READ_TOOLS,
    status: 200,
    summary: "Lists MCP servers.",
    isList: true,
  },
  {
    method: "GET",
    path: "/v1/mcp-servers/:name",
    scopes: READ_TOOLS,
    status: 200,
    summary: "Reads an MCP server: each of its tools, offered or why not.",
  },
  {
    method: "PUT",
    path: "/v1/mcp-servers/:name",
    scopes: WRITE_TOOLS,
    status: 200,
    summary: "Creates or replaces an MCP server and looks at what it offers.",
    body: { name: "McpServer", schema: McpServer },
  },
  {
    method: "DELETE",
    path: "/v1/mcp-servers/:name",
    scopes: WRITE_TOOLS,
    status: 204,
    summary: "Deletes an MCP server and its tools.",
  },
];
