/** Tenants: the operator's view, and the snapshot an isolate works from. */

import * as z from "zod/mini";

import type { NamedUpstream } from "./upstream.ts";
import { Residency } from "./key.ts";
import { Limits } from "./limits.ts";
import type { NamedMcpServer } from "./mcp.ts";
import { Label, LocaleSetting } from "./names.ts";
import { Profile, type Policy } from "./policy.ts";
import type { Sealed, SealedSecret } from "./secret.ts";
import type { Tool } from "./tool.ts";

/** Where a tenant without residency is served from by preference. */
export const RegionHint = z.enum(["us", "eu", "apac"]);
/** Where a tenant without residency is served from by preference. */
export type RegionHint = z.infer<typeof RegionHint>;

/** The body of `POST /v1/bootstrap`. */
export const Bootstrap = z.strictObject({
  /** The deployment's `BOOTSTRAP_SECRET`. */
  secret: z.string().check(z.minLength(1), z.maxLength(1024)),
});

/** The body of `POST /v1/tenants`. */
export const TenantCreate = z.strictObject({
  name: Label,
  residency: z._default(Residency, "none"),
  /** `jurisdiction` (the run itself inside it) is not served yet and is refused. */
  processing: z._default(z.enum(["region"]), "region"),
  region_hint: z.optional(RegionHint),
  profile: z._default(Profile, "robust"),
  /** The operator's ceiling; a tenant's own limits only lower it. */
  limits: z._default(Limits, {}),
  default_locale: z._default(LocaleSetting, "auto"),
});
/** A request for a new tenant, defaults filled in. */
export type TenantCreate = z.infer<typeof TenantCreate>;

/** The body of `PATCH /v1/tenants/{id}`. Residency is not here: changing it is a migration. */
export const TenantPatch = z.strictObject({
  name: z.optional(Label),
  region_hint: z.optional(RegionHint),
  limits: z.optional(Limits),
});
/** A change to a tenant. */
export type TenantPatch = z.infer<typeof TenantPatch>;

/** A tenant as the operator sees it. */
export interface TenantView {
  readonly id: string;
  readonly name: string;
  readonly residency: Residency;
  readonly processing: "region";
  readonly region_hint: RegionHint;
  /** The operator's ceiling. */
  readonly limits: Limits;
  readonly created_at: string;
}

/** Everything a request needs of its tenant, read in one call and held by an isolate for at most 30 seconds. */
export interface TenantSnapshot {
  readonly tenantId: string;
  readonly residency: Residency;
  /** Counts up with every change of anything below. */
  readonly version: number;
  readonly ceiling: Limits;
  readonly policy: Policy;
  readonly policyVersion: number;
  /** The tenant's own tools, and with `withMcpTools` those its MCP servers offer. */
  readonly tools: readonly Tool[];
  readonly upstreams: readonly NamedUpstream[];
  readonly mcpServers: readonly NamedMcpServer[];
  readonly secrets: readonly SealedSecret[];
  /** The tenant's data key, wrapped by the deployment's master key. */
  readonly dataKey: Sealed;
}
