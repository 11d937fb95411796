/**
 * Snapshot: everything a request needs of its tenant, from the isolate's cache or in one call to the Tenant object.
 *
 * Bound: a change is seen everywhere within `SNAPSHOT_TTL_MS`, on the isolate that made it at once.
 */

import { mergePatch } from "../algorithms/merge-patch.ts";
import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import { Profile } from "../contract/policy.ts";
import { presetPolicy } from "../contract/policy-preset.ts";
import { StoredSnapshot } from "../contract/stored.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { isJsonObject } from "../platform/canonical-json.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { withMcpTools } from "./mcp-tools.ts";
import { tenantObject } from "./objects.ts";

/** How long an isolate works from what it has read. */
export const SNAPSHOT_TTL_MS = 30_000;

/** A snapshot holds up to a mebibyte of definitions, so an isolate keeps few. */
const MAX_CACHED_SNAPSHOTS = 48;

/** Isolate cache by tenant id. */
const snapshots = new BoundedMap<string, TenantSnapshot>(MAX_CACHED_SNAPSHOTS);
/** Counts `forgetSnapshot`, so that a reading begun before a change is not cached after it. */
let forgotten = 0;

/** The tenant of this key. Fails with `unauthenticated` when the tenant was erased, `not_found` for an operator's key. */
export async function loadSnapshot(
  env: Pick<Env, "TENANT" | "ROLE">,
  record: Pick<KeyRecord, "tenantId" | "residency">,
  nowMs: number,
): Promise<Result<TenantSnapshot, GatewayError>> {
  const { tenantId, residency } = record;
  if (tenantId === null) return fail({ code: "not_found" });
  const cached = snapshots.get(tenantId, nowMs);
  if (cached !== undefined) return ok(cached);
  const forgottenBefore = forgotten;
  const read = await reachObject(() => tenantObject(env, residency, tenantId).snapshot());
  if (!read.ok) return read;
  if (read.value === null) return fail({ code: "unauthenticated" });
  const snapshot = withMcpTools(StoredSnapshot.parse(completed(JSON.parse(read.value), env.ROLE)));
  if (forgotten === forgottenBefore) snapshots.set(tenantId, snapshot, nowMs + SNAPSHOT_TTL_MS);
  return ok(snapshot);
}

/** Makes this isolate read the tenant again, at once; call after every change. */
export function forgetSnapshot(tenantId: string): void {
  forgotten += 1;
  snapshots.delete(tenantId);
}

/** What an object that is one release behind does not know of the policy is as the profile's preset has it. */
function completed(stored: unknown, role: string): unknown {
  const policy = isJsonObject(stored) ? stored["policy"] : null;
  if (!isJsonObject(stored) || !isJsonObject(policy)) return stored;
  const profile = Profile.safeParse(policy["profile"]);
  if (!profile.success) return stored;
  return { ...stored, policy: mergePatch(presetPolicy(profile.data, "auto", role), policy) };
}
