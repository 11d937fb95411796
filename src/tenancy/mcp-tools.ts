/**
 * McpTools: the tools a tenant's MCP servers offer, out of what was last seen of them.
 *
 * A tool is offered as `label__tool` unless there is a reason against it, and each reason is told. The tenant's own tool
 * of the same name wins. A tool the tenant has built on a server's (`mcp` in its definition) is offered only while that
 * one's definition is the reviewed one, so nothing gets round the pin by another name.
 */

import type {
  McpListedTool,
  McpServer,
  McpToolState,
  McpWithheld,
  NamedMcpServer,
} from "../contract/mcp.ts";
import { ToolName } from "../contract/names.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import type { Tool } from "../contract/tool.ts";

/** Reasons that concern the name alone: the tool may still be called under another one. */
const NAME_REASONS: ReadonlySet<McpWithheld> = new Set(["name_unusable", "name_taken"]);

const MESSAGES = {
  disabled: "The tenant has switched the tool off.",
  name_unusable: "label__tool is no possible tool name; offer it under a name of your own.",
  name_taken: "The tenant has a tool of its own under this name.",
};

/** Every tool a server lists, offered or not and why; `taken` are the names of the tenant's own tools. */
export function mcpToolStates(
  { label, server, listing }: NamedMcpServer,
  taken: ReadonlySet<string>,
): readonly McpToolState[] {
  if (listing === null || listing.url !== server.url) return [];
  return listing.tools.map((listed) => {
    const name = `${label}__${listed.name}`;
    const reason = reviewReason(server, listed, listing.pins) ?? nameReason(name, taken);
    return {
      name,
      listed,
      effect: ruleOf(server, listed.name).effect ?? "write",
      withheld: reason,
    };
  });
}

/** The snapshot with the tools of the tenant's MCP servers among its own. */
export function withMcpTools(snapshot: TenantSnapshot): TenantSnapshot {
  const own = snapshot.tools;
  if (
    snapshot.mcpServers.length === 0 &&
    own.every(({ definition }) => definition.mcp === undefined)
  )
    return snapshot;
  const taken = new Set(own.map(({ name }) => name));
  const callable = new Set<string>();
  const offered: Tool[] = [];
  for (const named of snapshot.mcpServers) {
    for (const state of mcpToolStates(named, taken)) {
      const { withheld, listed } = state;
      if (withheld === null || NAME_REASONS.has(withheld.reason))
        callable.add(placeOf(named.label, listed.name));
      if (withheld === null) offered.push(toolOf(named, state));
    }
  }
  const usable = own.filter(
    ({ definition: { mcp } }) => mcp === undefined || callable.has(placeOf(mcp.server, mcp.tool)),
  );
  return { ...snapshot, tools: [...usable, ...offered] };
}

function placeOf(label: string, tool: string): string {
  return `${label} ${tool}`;
}

function ruleOf(server: McpServer, tool: string): McpServer["tools"][string] {
  return (Object.hasOwn(server.tools, tool) ? server.tools[tool] : undefined) ?? {};
}

function reviewReason(
  server: McpServer,
  listed: McpListedTool,
  pins: Readonly<Record<string, string>>,
): McpToolState["withheld"] {
  const rule = ruleOf(server, listed.name);
  if (rule.enabled === false) return { reason: "disabled", message: MESSAGES.disabled };
  if (listed.problem !== null) return listed.problem;
  const firstSeen = Object.hasOwn(pins, listed.name) ? pins[listed.name] : undefined;
  const reviewed = rule.definition ?? (server.review === "changes" ? firstSeen : undefined);
  if (reviewed === listed.hash) return null;
  const what = reviewed === undefined ? "has not been reviewed" : "is not the reviewed one";
  return {
    reason: "pending_review",
    message: `The tool's definition ${what}; name its hash in tools.${listed.name}.definition to offer it.`,
  };
}

function nameReason(name: string, taken: ReadonlySet<string>): McpToolState["withheld"] {
  if (!ToolName.safeParse(name).success)
    return { reason: "name_unusable", message: MESSAGES.name_unusable };
  return taken.has(name) ? { reason: "name_taken", message: MESSAGES.name_taken } : null;
}

function toolOf({ label, version, server }: NamedMcpServer, state: McpToolState): Tool {
  const { listed, effect } = state;
  const rule = ruleOf(server, listed.name);
  const isKept = effect === "pure" || effect === "read";
  return {
    name: state.name,
    version,
    definition: {
      description: listed.description,
      input: listed.input,
      ...(listed.output !== undefined && { output: listed.output }),
      effect,
      mcp: { server: label, tool: listed.name },
      timeout_ms: rule.timeout_ms ?? server.timeout_ms,
      ...(rule.cache !== undefined && isKept && { cache: rule.cache }),
      ...(rule.max_parallel !== undefined && { max_parallel: rule.max_parallel }),
      ...(rule.requires_approval !== undefined && { requires_approval: rule.requires_approval }),
    },
  };
}
