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
  },
  {
    method: "POST",
    path: "/v1/tools/import",
    scopes: WRITE_TOOLS,
    status: 200,
    body: { name: "OpenApiImport", schema: OpenApiImport },
  },
  {
    method: "GET",
    path: "/v1/mcp-servers",
    scopes: READ_TOOLS,
    status: 200,
    isList: true,
  },
  {
    method: "GET",
    path: "/v1/mcp-servers/:name",
    scopes: READ_TOOLS,
    status: 200,
  },
  {
    method: "PUT",
    path: "/v1/mcp-servers/:name",
    scopes: WRITE_TOOLS,
    status: 200,
    body: { name: "McpServer", schema: McpServer },
  },
  {
    method: "DELETE",
    path: "/v1/mcp-servers/:name",
    scopes: WRITE_TOOLS,
    status: 204,
  },
];
