/** Values of MCP servers as tests need them, complete and boring. */

import type { McpListedTool, McpListing, NamedMcpServer } from "../../src/contract/mcp.ts";
import { McpServer } from "../../src/contract/mcp.ts";

export const SERVER_URL = "https://mcp.example.com/mcp";

/** A tool as listed; its hash is `sha256:` and 64 times `digit`. */
export function listedTool(name: string, digit = "0", more: Partial<McpListedTool> = {}) {
  const tool: McpListedTool = {
    name,
    description: `The tool ${name}`,
    input: { type: "object" },
    hash: hashOf(digit),
    problem: null,
    note: null,
    ...more,
  };
  return tool;
}

/** A hash that is easy to read. */
export function hashOf(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

/** What a look brought; its tools are pinned as they are. */
export function listingOf(tools: readonly McpListedTool[], more: Partial<McpListing> = {}) {
  const listing: McpListing = {
    url: SERVER_URL,
    protocol: "2026-07-28",
    listed_at_ms: 1,
    expires_at_ms: 2,
    failure: null,
    tools: [...tools],
    pins: Object.fromEntries(tools.map(({ name, hash }) => [name, hash])),
    ...more,
  };
  return listing;
}

/** A server under the label "far". */
export function namedServer(listing: McpListing | null, server: object = {}): NamedMcpServer {
  return {
    label: "far",
    version: 3,
    server: McpServer.parse({ url: SERVER_URL, ...server }),
    listing,
  };
}
