/**
 * The tenant's index of its durable runs, in its `Tenant` object and so in its jurisdiction: ids, kinds and states, never
 * content. It is told when a run begins and when it ends, and it may be told again.
 */

import type { Residency } from "../contract/key.ts";
import type { StoredRunKind, StoredRunStatus } from "../contract/stored-run.ts";
import { gateObject, tenantObject } from "../tenancy/objects.ts";
import { loadSnapshot } from "../tenancy/snapshot.ts";
import type { RunContext } from "./run-context.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";

/** How a run stands, as its own object knows it. */
export interface IndexedRun {
  readonly runId: string;
  readonly tenantId: string;
  readonly residency: Residency;
  readonly kind: StoredRunKind;
  readonly status: StoredRunStatus;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

/** Tells the index how a run stands; false when it could not be told. */
export async function listRun(
  env: Pick<Env, "TENANT" | "ROLE">,
  run: IndexedRun,
): Promise<boolean> {
  const { runId: id, kind, status, createdAtMs, endedAtMs } = run;
  try {
    const tenant = tenantObject(env, run.residency, run.tenantId);
    await tenant.noteRun({ id, kind, status, createdAtMs, endedAtMs }, Date.now());
    return true;
  } catch {
    // The platform could not carry it; the run's alarm tries again.
    return false;
  }
}

/** What opens the rows of a tenant's run, or null when the tenant was erased: then nobody can read them any more. */
export async function tenantOfRun(
  env: Pick<Env, "TENANT" | "ROLE">,
  { tenantId, residency }: Pick<IndexedRun, "tenantId" | "residency">,
): Promise<Pick<TenantSnapshot, "tenantId" | "dataKey"> | null> {
  const loaded = await loadSnapshot(env, { tenantId, residency }, Date.now());
  if (loaded.ok) return loaded.value;
  if (loaded.error.code === "unauthenticated") return null;
  throw new Error("the tenant of a run cannot be reached");
}

/** Gives back what a run held of its tenant's concurrency. A permit whose release is lost ends by itself. */
export async function releasePermit(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  { snapshot }: Pick<RunContext, "snapshot">,
  permit: string,
): Promise<void> {
  const gate = gateObject(env, snapshot.residency, snapshot.tenantId);
  await gate.release(permit).catch(() => undefined);
}
