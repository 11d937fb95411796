/** ToolPorts: what tool calls need of the world. `assembly` builds them; nothing in this room knows where they lead. */

import type { McpEndpoint } from "../contract/mcp.ts";
import type { CallProgress } from "../contract/run.ts";
import type { Tool } from "../contract/tool.ts";
import type { UpstreamSession } from "../contract/upstream-session.ts";
import type { Rank } from "../resilience/crowd.ts";
import type { SpareConnections } from "../resilience/hedge.ts";
import type { Pacing } from "../resilience/pace.ts";
import type { callMcpTool } from "../upstream/mcp/call-tool.ts";
import type { sendRequest } from "../upstream/send.ts";
import type { TenantScope } from "./cache/cache-key.ts";
import type { ResultCache } from "./cache/result-cache.ts";
import type { OpenSecret, RequestContext } from "./http-template.ts";

/** What one call needs of the world. */
export interface ToolPorts extends RequestContext {
  /** Tools of the run by the tenant's name. */
  readonly tools: ReadonlyMap<string, Tool>;
  readonly send: typeof sendRequest;
  readonly openSecret: OpenSecret;
  /** For each secret of the tenant a text that changes whenever the secret does; never its value. */
  readonly credentials: ReadonlyMap<string, string>;
  /** Null when nothing of this tenant may be cached: policy or residency. */
  readonly cache: { readonly scope: TenantScope; readonly results: ResultCache } | null;
  /** Told the tags of a tool that writes once a call of it was, or may have been, made; waits until that is noted. */
  readonly onWritten?: (tags: readonly string[]) => Promise<void>;
  readonly mcp: McpPorts;
  /** Connections that no call of this invocation needs. Absent: they are not counted. */
  readonly spare?: SpareConnections;
  /** What is known of the servers the tools are on. */
  readonly upstreams: UpstreamSession;
  /** For whom the calls are made. Absent: nobody is turned away. */
  readonly rank?: Rank;
  /** How fast requests go to a server that refuses some. Absent: as fast as they come. */
  readonly pacing?: Pacing;
  readonly allowLoopback: boolean;
  /** Awaited before the rest of a long answer is read. Absent: it is read at once. */
  readonly beforeLongAnswer?: () => Promise<void>;
  /** Told how far a call is, by tools that say so. Absent: nobody wants to know. */
  readonly onProgress?: (progress: CallProgress) => void;
  now(): number;
}

/** What calls of MCP tools need besides. */
export interface McpPorts {
  readonly tenantId: string;
  /** The tenant's servers by label. */
  readonly servers: ReadonlyMap<string, McpEndpoint>;
  readonly call: typeof callMcpTool;
  /** Takes what may outlive a call, such as telling a server that it was cancelled. */
  defer(work: Promise<unknown>): void;
  /** A server said that its list of tools has changed. */
  onListChanged(label: string): void;
}
