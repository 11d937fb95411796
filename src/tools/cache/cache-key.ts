/**
 * Keys of cached tool results. One tenant's result can never be another's: a key is made from a `TenantScope` only, and a
 * scope from a tenant's snapshot only.
 *
 * In the key is everything a result depends on: tenant, credentials, tool with version, canonical arguments, locale,
 * invalidations and every field of the definition that is not named as irrelevant below. A new field does not compile until it is.
 */

import type { TenantSnapshot } from "../../contract/tenant.ts";
import type { Tool, ToolDefinition } from "../../contract/tool.ts";
import { type JsonObject, canonicalJson } from "../../platform/canonical-json.ts";
import { toBase64Url, utf8 } from "../../platform/encoding.ts";

declare const SCOPE: unique symbol;

/** Names the tenant a cached result belongs to. Plain text at run time, so it crosses RPC; made by `tenantScope` only. */
export type TenantScope = string & { readonly [SCOPE]: true };

/** The key of one result: no text becomes one without a scope in it. */
export type ResultKey = `r1:${TenantScope}:${string}`;

/** The scope of a tenant's cached results; null without a tenant. */
export function tenantScope({ tenantId }: Pick<TenantSnapshot, "tenantId">): TenantScope | null {
  return isScope(tenantId) ? tenantId : null;
}

/** Start of every key of a tenant: listing by it finds all that is to be erased with the tenant. */
export function resultKeyPrefix(tenantId: string): string {
  return `r1:${tenantId}:`;
}

/** What besides tool and tenant a result depends on. */
export interface ResultInputs {
  readonly arguments: JsonObject;
  readonly locale: string;
  /** For each secret the call uses, a text that changes whenever the secret does; never its value. */
  readonly credentials: Readonly<Record<string, string>>;
  /** Changes whenever results it is subject to are invalidated; see generations.ts. */
  readonly generation: string;
}

/** Whether a result depends on a field of its tool's definition. */
const FIELDS = {
  http: "in the key",
  builtin: "in the key",
  mcp: "in the key",
  chain: "is never cached itself; the calls of its steps are",
  output: "in the key",
  cache: "in the key",
  description: "only shown to models",
  input: "the arguments were checked against it before the key is made",
  effect: "decides whether there is a key at all",
  fallback: "stands in for an answer that could not be had; it is never kept",
  hedge: "decides how often a call is sent, not what it answers",
  retry: "decides how often a call is sent, not what it answers",
  timeout_ms: "only a success is kept",
  observable: "decides when a call is made, not what it answers",
  requires_approval: "decides whether a call is made, not what it answers",
  result: "the full result is kept, and cut where a model reads it",
  max_parallel: "decides when a call is made, not what it answers",
  tags: "decides when a call is made, not what it answers",
  rate_limit_group: "decides when a call is made, not what it answers",
  priority: "decides when a call is made, not what it answers",
  max_uses: "decides whether a call is made, not what it answers",
} as const satisfies Record<keyof ToolDefinition, string>;

/** The key of what `tool` answers to these inputs for this tenant. */
export async function resultKey(
  scope: TenantScope,
  tool: Tool,
  inputs: ResultInputs,
): Promise<ResultKey> {
  const text = canonicalJson({
    tenant: scope,
    tool: tool.name,
    version: tool.version,
    definition: keyFields(tool.definition),
    arguments: inputs.arguments,
    locale: inputs.locale,
    credentials: inputs.credentials,
    generation: inputs.generation,
  });
  return hashedKey(scope, text);
}

/** What a model's answer depends on besides its tenant. */
export interface AnswerInputs {
  readonly upstream: string;
  readonly version: number;
  /** The request as the provider gets it, but for how the answer comes. */
  readonly body: JsonObject;
  /** Names and versions of the tenant's secrets. */
  readonly secrets: readonly (readonly [string, number])[];
  readonly generation: string;
}

/** The key of what a model answers to exactly this request of this tenant. */
export async function answerKey(scope: TenantScope, inputs: AnswerInputs): Promise<ResultKey> {
  const { upstream, version, body, secrets, generation } = inputs;
  // No tool's key has a member of this name, so an answer is never taken for a result.
  const answer = { upstream, version, body, secrets, generation };
  return hashedKey(scope, canonicalJson({ tenant: scope, answer }));
}

async function hashedKey(scope: TenantScope, text: string): Promise<ResultKey> {
  const digest = await crypto.subtle.digest("SHA-256", utf8(text));
  return `r1:${scope}:${toBase64Url(new Uint8Array(digest))}`;
}

/** The brand is a word of the type system alone; only this function gives it. */
function isScope(tenantId: string): tenantId is TenantScope {
  return tenantId !== "";
}

function keyFields(definition: ToolDefinition): string {
  const { http, builtin, mcp, output, cache } = definition;
  const fields: Pick<ToolDefinition, InKey> & Record<InKey, unknown> = {
    http,
    builtin,
    mcp,
    output,
    cache,
  };
  // Fields in this order, their insides as stored; absent ones are left out.
  return JSON.stringify(fields);
}

type InKey = {
  [Field in keyof typeof FIELDS]: (typeof FIELDS)[Field] extends "in the key" ? Field : never;
}[keyof typeof FIELDS];
