/** API keys: what a caller may ask for, and what is kept of a key. The key itself is kept nowhere. */

import * as z from "zod/mini";

import { Limits } from "./limits.ts";
import { Label, ToolName, wholeNumber } from "./names.ts";

/** What a tenant's key may do. */
export const TenantScope = z.enum([
  "run",
  "tools:read",
  "tools:write",
  "usage:read",
  "privacy",
  "audit:read",
  "tenant:admin",
]);
/** What a tenant's key may do. */
export type TenantScope = z.infer<typeof TenantScope>;

/** A tenant scope, or `operator` for who runs the deployment. */
export type Scope = TenantScope | "operator";

/** Region word inside a key: a hint to the directory that knows it. */
export type KeyRegion = "us" | "eu" | "ap";

/** The body of `POST /v1/keys`. */
export const KeyCreate = z.strictObject({
  name: Label,
  scopes: z.array(TenantScope).check(z.minLength(1), z.maxLength(7)),
  /** ISO 8601 with offset. Absent: the key does not expire. */
  expires_at: z.optional(z.iso.datetime({ offset: true })),
  /** Tools the key may use; absent: all of the tenant's. */
  tools: z.optional(z.array(ToolName).check(z.minLength(1), z.maxLength(256))),
  limits: z.optional(Limits),
});
/** A request for a new key. */
export type KeyCreate = z.infer<typeof KeyCreate>;

/** The body of `POST /v1/keys/{id}/rotate`: how long the old key goes on working beside its successor. */
export const KeyRotate = z.strictObject({ overlap_s: z._default(wholeNumber(0, 604_800), 86_400) });
/** A request to rotate a key. */
export type KeyRotate = z.infer<typeof KeyRotate>;

/** A key as lists show it. */
export interface KeyView {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The first characters and the last four, enough to tell keys apart. */
  readonly hint: string;
  readonly tools: readonly string[] | null;
  readonly limits: Limits | null;
  readonly expires_at: string | null;
  readonly revoked_at: string | null;
  readonly last_used_at: string | null;
  readonly created_at: string;
}

/** What the directory answers for a key's HMAC; held by an isolate for at most five seconds. */
export interface KeyRecord {
  readonly keyId: string;
  /** Null for an operator's key. */
  readonly tenantId: string | null;
  readonly residency: Residency;
  readonly scopes: readonly Scope[];
  readonly tools: readonly string[] | null;
  readonly limits: Limits | null;
  /** Epoch ms, or null. */
  readonly expiresAtMs: number | null;
}

/** Where a tenant's data must stay; `none` makes no promise. */
export const Residency = z.enum(["eu", "us", "fedramp", "none"]);
/** Where a tenant's data must stay. */
export type Residency = z.infer<typeof Residency>;
