/**
 * MergeLook: what is known of an MCP server after somebody looked at it once more, as a pure function.
 *
 * The first definition of a tool that is ever seen is pinned and stays so, also when the tool goes away and comes back:
 * otherwise a server could change a tool unnoticed by hiding it for a moment. A look that failed changes nothing but the
 * failure, so a server that is down for a while keeps its tools.
 */

import type { McpListing, McpLook } from "../../src/contract/mcp.ts";

/** Pins of one server: what it lists and what it once listed. Beyond it the newest tools are not pinned, so not offered. */
export const MAX_PINS = 1024;

/** The listing to keep. */
export function mergeLook(known: McpListing | null, look: McpLook): McpListing {
  const before = known?.url === look.url ? known : null;
  const { outcome } = look;
  if (!outcome.ok) {
    return {
      url: look.url,
      protocol: before?.protocol ?? null,
      listed_at_ms: before?.listed_at_ms ?? null,
      expires_at_ms: look.expires_at_ms,
      failure: outcome.failure,
      tools: before?.tools ?? [],
      pins: before?.pins ?? {},
    };
  }
  const pins = new Map(Object.entries(before?.pins ?? {}));
  for (const { name, hash } of outcome.tools) {
    if (!pins.has(name) && pins.size < MAX_PINS) pins.set(name, hash);
  }
  return {
    url: look.url,
    protocol: outcome.protocol,
    listed_at_ms: look.at_ms,
    expires_at_ms: look.expires_at_ms,
    failure: null,
    tools: [...outcome.tools],
    pins: Object.fromEntries(pins),
  };
}
