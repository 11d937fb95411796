/** Tool definitions: what a tenant offers to models and to `POST /v1/runs`. */

import * as z from "zod/mini";

import { ToolCache } from "./cache.ts";
import { haveDistinctIds, MAX_TARGETS, Strategy, TARGET_FIELDS } from "./balance.ts";
import { Chain } from "./chain.ts";
import {
  AnyObject,
  GroupName,
  McpLabel,
  McpToolName,
  ResourceName,
  ToolName,
  wholeNumber,
} from "./names.ts";
import { MAX_ATTEMPTS } from "./resilience-policy.ts";

/**
 * What a call may do to the world. Unknown means `write`. `pure` and `read` may be cached; a `write` whose answer was
 * lost is reported as `outcome_unknown` and never repeated.
 */
export const Effect = z.enum(["pure", "read", "idempotent_write", "write"]);
/** What a call may do to the world. */
export type Effect = z.infer<typeof Effect>;

const Template = z.string().check(z.maxLength(4096));

const Url = z.string().check(z.minLength(1), z.maxLength(2048));

/** One of several places that serve the same tool. */
const HttpTarget = z.strictObject({ id: ResourceName, url: Url, ...TARGET_FIELDS });

/** An HTTP request template. Scheme, host and port are the template's own and never come from arguments. */
export const HttpTool = z.strictObject({
  method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]),
  /** Absolute URL; `{name}` in the path is replaced by the percent-encoded argument. Exactly one of it and `targets`. */
  url: z.optional(Url),
  /** Several places that do the same, in place of `url`. Secrets must be bound to the hosts of all of them. */
  targets: z.optional(
    z
      .array(HttpTarget)
      .check(
        z.minLength(1),
        z.maxLength(MAX_TARGETS),
        z.refine(haveDistinctIds, "Each target needs an id of its own."),
      ),
  ),
  /** How one of several targets is chosen. Absent: `peak_ewma`. */
  strategy: z.optional(Strategy),
  /** Query parameters; a value may hold `{name}` and `{{secret.name}}`. An absent optional argument leaves it out. */
  query: z.optional(z.record(z.string().check(z.maxLength(128)), Template)),
  /** Request headers; same templates as `query`. */
  headers: z.optional(z.record(z.string().check(z.maxLength(128)), Template)),
  /**
   * `"json"` (default for POST, PUT and PATCH) sends the arguments used nowhere else as one JSON object; an object is a
   * template whose `"{name}"` leaves keep their JSON type; `null` sends none.
   */
  body: z.optional(z.union([z.literal("json"), AnyObject, z.null()])),
});
/** An HTTP request template. */
export type HttpTool = z.infer<typeof HttpTool>;

/** Tools that run inside the gateway. */
export const BuiltinTool = z.enum(["calculator", "current_time"]);
/** Name of a tool that runs inside the gateway. */
export type BuiltinTool = z.infer<typeof BuiltinTool>;

/** A tool of one of the tenant's MCP servers, under the name the server gives it. */
export const McpTool = z.strictObject({ server: McpLabel, tool: McpToolName });
/** A tool of one of the tenant's MCP servers. */
export type McpTool = z.infer<typeof McpTool>;

/** The body of `PUT /v1/tools/{name}`. Exactly one of `http`, `builtin`, `mcp` and `chain`. */
export const ToolDefinition = z.strictObject({
  description: z.string().check(z.minLength(1), z.maxLength(4096)),
  /** JSON Schema of the arguments; its type must be "object". */
  input: AnyObject,
  /** JSON Schema of the result; a result that breaks it fails the call. */
  output: z.optional(AnyObject),
  effect: z._default(Effect, "write"),
  http: z.optional(HttpTool),
  builtin: z.optional(BuiltinTool),
  mcp: z.optional(McpTool),
  chain: z.optional(Chain),
  /** Calls of it leave the tenant's zone of trust; it is never called on a guess. */
  observable: z.optional(z.boolean()),
  /** Wall time of one call, counted from the moment it holds a connection. */
  timeout_ms: z._default(wholeNumber(10, 300_000), 10_000),
  /** Requests that one call may become, in place of the policy's `resilience.retry.max_attempts`. */
  retry: z.optional(z.strictObject({ max_attempts: wholeNumber(1, MAX_ATTEMPTS) })),
  /**
   * What stands in for a call whose server fails, its result flagged `degraded`: a value, only for `pure` and `read`, or
   * another tool, which is called with the same arguments, does no more to the world, and has as much time again.
   */
  fallback: z.optional(
    z.union([z.strictObject({ value: z.json() }), z.strictObject({ tool: ToolName })]),
  ),
  /** Whether slow calls of it are hedged, in place of the policy's `resilience.hedge.enabled`. Never a `write`. */
  hedge: z.optional(z.strictObject({ enabled: z.boolean() })),
  /** Only for `pure` and `read`. */
  cache: z.optional(ToolCache),
  /** What a result of this tool may take of a model's turn, in estimated tokens; a longer one is cut. */
  result: z.optional(z.strictObject({ max_tokens: wholeNumber(64, 1_000_000) })),
  /** Calls of this tool in flight at once in one run. */
  max_parallel: z.optional(wholeNumber(1, 1000)),
  /** What the policy's `runs.caps.tags` may cap. */
  tags: z.optional(z.array(GroupName).check(z.maxLength(16))),
  /** Tools that share a foreign limit; what the policy's `runs.caps.groups` may cap. */
  rate_limit_group: z.optional(GroupName),
  /** When slots are short, calls of higher priority start first, and so do the calls they need. Absent: 0. */
  priority: z.optional(wholeNumber(-100, 100)),
  /** `true` or `"always"`: no call of it is made before somebody said yes to that very call. */
  requires_approval: z.optional(z.union([z.boolean(), z.enum(["always", "never"])])),
  /** Calls of this tool in one run; a call beyond it is not sent and says so. */
  max_uses: z.optional(z.nullable(wholeNumber(1, 256))),
});
/** A tool as stored: defaults filled in. */
export type ToolDefinition = z.infer<typeof ToolDefinition>;

/** True when every call of this tool has to be approved first. */
export function needsApproval({ requires_approval: asked }: ToolDefinition): boolean {
  return asked === true || asked === "always";
}

/** The tool that stands in for this one when its server fails, or null. */
export function standInOf({ fallback }: ToolDefinition): string | null {
  return fallback !== undefined && "tool" in fallback ? fallback.tool : null;
}

/** A stored tool with what the gateway knows about it. */
export interface Tool {
  readonly name: string;
  /** Counts up with every change; part of the cache key. */
  readonly version: number;
  readonly definition: ToolDefinition;
}
