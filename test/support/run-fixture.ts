/** A tenant as the assembly sees it, made without the tenancy objects: for tests of runs in workerd. */

import { env } from "cloudflare:workers";
import { inject } from "vitest";

import type { RunCaller } from "../../src/assembly/run-context.ts";
import { presetPolicy } from "../../src/contract/policy-preset.ts";
import type { Residency } from "../../src/contract/key.ts";
import type { TenantSnapshot } from "../../src/contract/tenant.ts";
import type { Tool, ToolDefinition } from "../../src/contract/tool.ts";
import { newId } from "../../src/platform/id.ts";
import { newDataKey } from "../../src/tenancy/sealed.ts";

/** What a test chooses of its tenant. */
export interface CallerOptions {
  readonly residency?: Residency;
  readonly tools?: readonly Tool[];
  readonly upstreams?: TenantSnapshot["upstreams"];
  readonly secrets?: TenantSnapshot["secrets"];
  readonly runs?: Partial<TenantSnapshot["policy"]["runs"]>;
  readonly allowedTools?: readonly string[];
}

/** A caller of a tenant of its own, with the scripted model as its only upstream. */
export async function newCaller(options: CallerOptions = {}): Promise<RunCaller> {
  const tenantId = newId("tn");
  const residency = options.residency ?? "none";
  const policy = presetPolicy("robust", "auto", "development");
  return {
    snapshot: {
      tenantId,
      residency,
      version: 1,
      ceiling: {},
      policy: { ...policy, runs: { ...policy.runs, ...options.runs } },
      policyVersion: 1,
      tools: options.tools ?? [],
      mcpServers: [],
      upstreams: options.upstreams ?? [modelUpstream(`${inject("servers")["model"]}/v1`)],
      secrets: options.secrets ?? [],
      dataKey: await newDataKey(env, tenantId),
    },
    key: {
      keyId: newId("key"),
      tenantId,
      residency,
      scopes: ["run"],
      tools: options.allowedTools ?? null,
      limits: null,
      expiresAtMs: null,
    },
    locale: "en",
    traceparent: null,
  };
}

/** An upstream that passes every model name through. */
export function modelUpstream(baseUrl: string): TenantSnapshot["upstreams"][number] {
  return {
    name: "model",
    version: 1,
    upstream: { kind: "openai", models: "*", targets: [{ id: "only", base_url: baseUrl }] },
  };
}

/** A tool over HTTP on the tests' tool server; `path` may hold `{ms}` and the like. */
export function httpTool(
  name: string,
  path: string,
  properties: Record<string, { type: string }>,
  more: Partial<ToolDefinition> = {},
): Tool {
  const definition: ToolDefinition = {
    description: `Test tool ${name}.`,
    input: { type: "object", properties, required: Object.keys(properties) },
    effect: "read",
    timeout_ms: 10_000,
    http: { method: "GET", url: `${inject("servers")["tools"]}${path}` },
    ...more,
  };
  return { name, version: 1, definition };
}

/** All events of a run, once it has ended. */
export async function collect<E>(events: AsyncIterable<E>): Promise<readonly E[]> {
  const all: E[] = [];
  for await (const event of events) all.push(event);
  return all;
}
