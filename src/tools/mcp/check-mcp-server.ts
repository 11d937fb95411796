/** What a schema cannot say about an MCP server: its address must be allowed, its headers must be sendable. */

import type { Violation } from "../../contract/error.ts";
import type { McpServer } from "../../contract/mcp.ts";
import { pointerMember } from "../../contract/parse.ts";
import { checkEgress, type EgressOptions } from "../../upstream/egress-guard.ts";
import { refuseHeader } from "../../upstream/request-headers.ts";
import { hasStrayBraces, parseTemplate } from "../template.ts";

/** Headers of one server. */
const MAX_HEADERS = 16;

/** Headers the protocol or the gateway sets. */
const RESERVED = /^(accept|content-type|last-event-id|mcp-.*|traceparent|tracestate|baggage)$/i;

/** Every refused place of the definition, empty when it may be stored. */
export function checkMcpServer(server: McpServer, options: EgressOptions): readonly Violation[] {
  return [...checkUrl(server.url, options), ...checkHeaders(server.headers), ...checkRules(server)];
}

function checkUrl(url: string, options: EgressOptions): Violation[] {
  const checked = checkEgress(url, options);
  if (!checked.ok) return [{ pointer: "/url", message: checked.error.reason }];
  return checked.value.hash === "" ? [] : [{ pointer: "/url", message: "Must have no fragment." }];
}

function checkHeaders(headers: McpServer["headers"]): Violation[] {
  const entries = Object.entries(headers);
  if (entries.length > MAX_HEADERS) {
    return [{ pointer: "/headers", message: `Must have at most ${MAX_HEADERS} headers.` }];
  }
  const seen = new Set<string>();
  return entries.flatMap(([name, template]) => {
    const pointer = `/headers${pointerMember(name)}`;
    const violations: Violation[] = [];
    const literal = parseTemplate(template).map((part) => (part.kind === "text" ? part.text : ""));
    const refusal = RESERVED.test(name)
      ? "The gateway sets this header."
      : refuseHeader(name, literal.join(""));
    if (refusal !== null) violations.push({ pointer, message: refusal });
    if (hasStrayBraces(template)) {
      violations.push({ pointer, message: "Double braces are for {{secret.name}} only." });
    }
    if (seen.has(name.toLowerCase())) {
      violations.push({ pointer, message: "The header is named twice." });
    }
    seen.add(name.toLowerCase());
    return violations;
  });
}

function checkRules({ tools }: McpServer): Violation[] {
  return Object.entries(tools)
    .filter(
      ([, { cache, effect }]) => cache !== undefined && effect !== "pure" && effect !== "read",
    )
    .map(([name]) => ({
      pointer: `/tools${pointerMember(name)}/cache`,
      message: "Only a tool with the effect pure or read may be cached.",
    }));
}
