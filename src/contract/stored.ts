/** Shapes that Durable Objects keep or hand out as JSON text, parsed again when they are read. */

import * as z from "zod/mini";

import { Residency, TenantScope, type KeyRegion, type KeyView } from "./key.ts";
import { Limits } from "./limits.ts";
import { McpListing, McpServer } from "./mcp.ts";
import { Policy } from "./policy.ts";
import { ToolDefinition } from "./tool.ts";
import { Upstream } from "./upstream.ts";

/** A key's record in the directory. */
export const StoredKeyRecord = z.object({
  keyId: z.string(),
  tenantId: z.nullable(z.string()),
  residency: Residency,
  scopes: z.array(z.union([TenantScope, z.literal("operator")])),
  tools: z.nullable(z.array(z.string())),
  limits: z.nullable(Limits),
  expiresAtMs: z.nullable(z.number()),
});

/** What never changes of a key, as its tenant keeps it. */
export const StoredKeyFacts = z.object({
  name: z.string(),
  scopes: z.array(z.union([TenantScope, z.literal("operator")])),
  hint: z.string(),
  tools: z.nullable(z.array(z.string())),
  limits: z.nullable(Limits),
  created_at: z.string(),
});

/** AES-256-GCM output; see `Sealed`. */
export const StoredSealed = z.object({ key: z.string(), iv: z.string(), ct: z.string() });

/** A secret's row. */
export const StoredSecret = z.object({ hosts: z.array(z.string()), value: StoredSealed });

/** A `TenantSnapshot` on its way out of the Tenant object. As text, because RPC cannot type the recursion of JSON Schema. */
export const StoredSnapshot = z.object({
  tenantId: z.string(),
  residency: Residency,
  version: z.number(),
  ceiling: Limits,
  policy: Policy,
  policyVersion: z.number(),
  tools: z.array(z.object({ name: z.string(), version: z.number(), definition: ToolDefinition })),
  upstreams: z.array(z.object({ name: z.string(), version: z.number(), upstream: Upstream })),
  // Absent in a snapshot of an object that is one release behind.
  mcpServers: z._default(
    z.array(
      z.object({
        label: z.string(),
        version: z.number(),
        server: McpServer,
        listing: z.nullable(McpListing),
      }),
    ),
    [],
  ),
  secrets: z.array(
    z.object({
      name: z.string(),
      version: z.number(),
      hosts: z.array(z.string()),
      value: StoredSealed,
    }),
  ),
  dataKey: StoredSealed,
});

/** A key as its tenant's object hands it out: what lists show but its last use, and where its HMAC is kept. */
export interface TenantKey {
  readonly view: Omit<KeyView, "last_used_at">;
  readonly directory: KeyRegion;
  readonly hash: string;
}
