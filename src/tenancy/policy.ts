/**
 * Policy: what a tenant does with its policy document. The Tenant object is its only writer; everything here asks it and
 * then makes this isolate read again.
 */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import { pageLimit, pageOf, type Page, type PageQuery } from "../contract/page.ts";
import { presetPolicy } from "../contract/policy-preset.ts";
import type { Policy, PolicyVersion, Profile } from "../contract/policy.ts";
import { isJsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { ownTenant } from "./own-tenant.ts";
import { forgetSnapshot } from "./snapshot.ts";

type PolicyEnv = Pick<Env, "ROLE" | "TENANT">;

/** The complete policy a new tenant of this profile starts with, before the operator's ceiling cuts it. */
export function defaultPolicy(
  profile: Profile,
  locale: string,
  env: { readonly ROLE: string } = { ROLE: "region" },
): Policy {
  return presetPolicy(profile, locale, env.ROLE);
}

/** The version in force. */
export async function readPolicy(
  env: PolicyEnv,
  key: KeyRecord,
): Promise<Result<PolicyVersion, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const current = await own.value.object.currentPolicy();
  return current === null ? fail({ code: "not_found" }) : ok(current);
}

/**
 * Merges `patch` (RFC 7396) into the policy. `ifMatch` is the version the caller has seen, or null. Fails with
 * `validation_failed`, with `unprocessable` for a value above the operator's ceiling, with `precondition_failed`.
 */
export async function patchPolicy(
  env: PolicyEnv,
  key: KeyRecord,
  patch: unknown,
  ifMatch: number | null,
): Promise<Result<PolicyVersion, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  if (!isJsonObject(patch)) {
    const violations = [{ pointer: "", message: "Must be an object." }];
    return fail({ code: "validation_failed", violations });
  }
  const proposed = await own.value.object.proposePolicy(ifMatch, patch, key.keyId);
  forgetSnapshot(own.value.id);
  return proposed;
}

/** The policy's history, newest first. */
export async function policyVersions(
  env: PolicyEnv,
  key: KeyRecord,
  query: PageQuery,
): Promise<Result<Page<PolicyVersion>, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const limit = pageLimit(query.limit);
  const versions = await own.value.object.policyVersions(beforeVersion(query.after), limit + 1);
  return ok(pageOf(versions, limit, (item) => String(item.version)));
}

/** Puts the content of an old version in force again, as a new version. */
export async function rollbackPolicy(
  env: PolicyEnv,
  key: KeyRecord,
  version: number,
): Promise<Result<PolicyVersion, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const forced = await own.value.object.rollbackPolicy(version, key.keyId);
  forgetSnapshot(own.value.id);
  return forced;
}

/** A cursor that no page ever gave out has nothing after it. */
function beforeVersion(after: string | null): number {
  if (after === null) return Number.MAX_SAFE_INTEGER;
  return /^[0-9]{1,15}$/.test(after) ? Number(after) : 0;
}
