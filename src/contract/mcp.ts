/**
 * Remote MCP servers: what a tenant says about one, what its listing is kept as, and why a tool of it is not offered.
 *
 * A server's words about its tools are hints. What a tool may do (`effect`) is `write` until the tenant says otherwise,
 * and its definition is pinned at first sight: one that changes is `pending_review` until the tenant names its new hash.
 */

import * as z from "zod/mini";

import { ToolCache } from "./cache.ts";
import { AnyObject, McpToolName, wholeNumber } from "./names.ts";
import { Effect } from "./tool.ts";

/** Hash of a tool's definition as listings show it: SHA-256 over name, texts, schemas and annotations, hex. */
const DefinitionHash = z.string().check(z.regex(/^sha256:[0-9a-f]{64}$/));

/** What the tenant decides about one tool of a server. */
const McpToolRule = z.strictObject({
  /** Default `write`, whatever the server's annotations say. */
  effect: z.optional(Effect),
  /** The hash of the definition that was reviewed. Default: the one seen first. */
  definition: z.optional(DefinitionHash),
  /** False: the tool is not offered. */
  enabled: z.optional(z.boolean()),
  /** Default: the server's. */
  timeout_ms: z.optional(wholeNumber(10, 300_000)),
  /** Only for `pure` and `read`. */
  cache: z.optional(ToolCache),
  /** Calls of this tool in flight at once in one run. */
  max_parallel: z.optional(wholeNumber(1, 1000)),
  /** As in a tool's definition. */
  requires_approval: z.optional(z.union([z.boolean(), z.enum(["always", "never"])])),
});

/** Tools of one server that a tenant may decide about, and that a listing may hold. */
export const MAX_MCP_TOOLS = 256;

/** The body of `PUT /v1/mcp-servers/{label}`. */
export const McpServer = z.strictObject({
  /** Its Streamable HTTP endpoint. */
  url: z.string().check(z.minLength(1), z.maxLength(2048)),
  /** Sent with every request; a value may hold `{{secret.name}}`. */
  headers: z._default(
    z.record(z.string().check(z.maxLength(128)), z.string().check(z.maxLength(4096))),
    {},
  ),
  /** `auto` asks the server (2026-07-28 first); a revision fixes it. */
  protocol: z._default(z.enum(["auto", "2026-07-28", "2025-11-25"]), "auto"),
  /** `changes`: a tool seen for the first time is offered at once. `all`: not before its definition is named in `tools`. */
  review: z._default(z.enum(["changes", "all"]), "changes"),
  /** Wall time of one call, progress or not. */
  timeout_ms: z._default(wholeNumber(10, 300_000), 60_000),
  /** Silence after which a call is given up; progress starts it anew. */
  idle_timeout_ms: z._default(wholeNumber(10, 300_000), 30_000),
  tools: z._default(
    z
      .record(McpToolName, McpToolRule)
      .check(z.refine((rules) => Object.keys(rules).length <= MAX_MCP_TOOLS)),
    {},
  ),
});
/** A tenant's MCP server, defaults filled in. */
export type McpServer = z.infer<typeof McpServer>;

/** Why a listed tool cannot be offered, whatever the tenant says. Public-safe. */
export const McpToolProblem = z.strictObject({
  reason: z.enum(["hidden_characters", "description_too_long", "schema_unusable"]),
  message: z.string(),
});
/** Why a listed tool cannot be offered, whatever the tenant says. */
export type McpToolProblem = z.infer<typeof McpToolProblem>;

/** A tool as its server lists it, cut to what is used, with the hash of the whole definition. */
export const McpListedTool = z.object({
  name: McpToolName,
  description: z.string(),
  input: AnyObject,
  output: z.optional(AnyObject),
  annotations: z.optional(AnyObject),
  hash: z.string(),
  problem: z.nullable(McpToolProblem),
  /** Something a reader should know although the tool is offered. */
  note: z.nullable(z.string()),
});
/** A tool as its server lists it. */
export type McpListedTool = z.infer<typeof McpListedTool>;

/** Why a server could not be listed. */
export const McpListingFailure = z.object({
  code: z.string(),
  message: z.string(),
  at_ms: z.number(),
});
/** Why a server could not be listed. */
export type McpListingFailure = z.infer<typeof McpListingFailure>;

/** What the last look at a server brought. Kept by the tenant's object, written by whoever looked. */
export const McpListing = z.object({
  /** The URL that was asked: a listing of another one counts for nothing. */
  url: z.string(),
  /** The revision spoken, null before the first success. */
  protocol: z.nullable(z.string()),
  /** Epoch ms of the last success, null before the first. */
  listed_at_ms: z.nullable(z.number()),
  /** Epoch ms after which somebody should look again. */
  expires_at_ms: z.number(),
  failure: z.nullable(McpListingFailure),
  tools: z.array(McpListedTool),
  /** By tool, the hash of the definition that was seen first. Tools that went away keep theirs. */
  pins: z.record(z.string(), z.string()),
});
/** What the last look at a server brought. */
export type McpListing = z.infer<typeof McpListing>;

/** What one look at a server brought, before it is merged with what was known. */
export interface McpLook {
  readonly url: string;
  readonly at_ms: number;
  readonly expires_at_ms: number;
  readonly outcome:
    | { readonly ok: true; readonly protocol: string; readonly tools: readonly McpListedTool[] }
    | { readonly ok: false; readonly failure: McpListingFailure };
}

/** A stored MCP server with its name, version and what is known of it. */
export interface NamedMcpServer {
  readonly label: string;
  /** Counts up with every change the tenant makes; part of the cache key and of the session's. */
  readonly version: number;
  readonly server: McpServer;
  readonly listing: McpListing | null;
}

/** Where and how a server is called: plain data that travels to a `ToolShard`. */
export interface McpEndpoint {
  readonly label: string;
  readonly version: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: McpServer["protocol"];
  readonly idleTimeoutMs: number;
}

/** Why a tool is not offered. */
export type McpWithheld =
  | McpToolProblem["reason"]
  | "pending_review"
  | "disabled"
  | "name_unusable"
  | "name_taken";

/** One tool of a server: offered under `name`, or why not. */
export interface McpToolState {
  readonly name: string;
  readonly listed: McpListedTool;
  readonly effect: Effect;
  /** Null when it is offered. */
  readonly withheld: { readonly reason: McpWithheld; readonly message: string } | null;
}
