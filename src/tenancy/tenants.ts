/**
 * Tenants: what the operator does with them.
 *
 * An operator's request names a tenant by id only, so it is looked for in the three directory indexes; a tenant's own
 * requests carry its residency in the key's record and never come here.
 */

import type { GatewayError } from "../contract/error.ts";
import { TenantScope } from "../contract/key.ts";
import { pageLimit, pageOf, type Page, type PageQuery } from "../contract/page.ts";
import type { TenantKey } from "../contract/stored.ts";
import type { TenantCreate, TenantPatch, TenantView } from "../contract/tenant.ts";
import { newOrderedId } from "../platform/id.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { forgetKey } from "./authenticate.ts";
import { removeFromDirectory } from "./directory-entries.ts";
import { eraseResults, eraseResultShards } from "./erase-results.ts";
import { eraseRuns, MAX_ERASED_RUNS } from "./erase-runs.ts";
import { mintTenantKey } from "./mint.ts";
import {
  DIRECTORIES,
  directoryIndex,
  directoryOf,
  gateObject,
  hintOf,
  tenantObject,
} from "./objects.ts";
import { signReceipt, type TenantReceipt } from "./receipt.ts";
import { newDataKey } from "./sealed.ts";
import { forgetSnapshot } from "./snapshot.ts";

type TenantsEnv = Pick<
  Env,
  | "KEY_DIRECTORY"
  | "KEY_PEPPERS"
  | "MASTER_KEYS"
  | "RESULTS"
  | "RESULT_CACHE"
  | "ROLE"
  | "RUN_JOURNAL"
  | "TENANT"
  | "TENANT_GATE"
>;

/** All keys of a tenant in one reading; a tenant has at most a thousand. */
const ALL_KEYS = 1000;

/** A tenant and its first key, this once with the key's text. */
export interface CreatedTenant {
  readonly tenant: TenantView;
  readonly key: { readonly id: string; readonly key: string };
}

/**
 * Makes a tenant in its jurisdiction and its first key, called "default", with every scope a tenant can have. For a
 * resident tenant the region hint follows from its residency, whatever was asked for.
 */
export async function createTenant(
  env: TenantsEnv,
  input: TenantCreate,
  nowMs: number,
): Promise<CreatedTenant> {
  const tenant: TenantView = {
    id: newOrderedId("ten", nowMs),
    name: input.name,
    residency: input.residency,
    processing: input.processing,
    region_hint: hintOf(input.residency, input.region_hint),
    limits: input.limits,
    created_at: new Date(nowMs).toISOString(),
  };
  const { id, residency, region_hint: hint } = tenant;
  const dataKey = await newDataKey(env, id);
  // Listed first: whatever a crash leaves behind can be found and deleted.
  const index = directoryIndex(env, directoryOf(residency, hint));
  await index.addTenant({ tenantId: id, residency });
  await tenantObject(env, residency, id, hint).create({
    view: tenant,
    dataKey,
    profile: input.profile,
    locale: input.default_locale,
  });
  // An object stays where it was first asked for, so the gate is asked for here, with the hint.
  await gateObject(env, residency, id, hint).release("");
  const wanted = {
    name: "default",
    scopes: TenantScope.options,
    tools: null,
    limits: null,
    expiresAtMs: null,
  };
  const minted = await mintTenantKey(env, tenant, wanted, nowMs);
  if (!minted.ok) throw new Error("a new tenant refused its first key");
  return { tenant, key: { id: minted.value.id, key: minted.value.key } };
}

/** All tenants, oldest first. */
export async function listTenants(env: TenantsEnv, query: PageQuery): Promise<Page<TenantView>> {
  const limit = pageLimit(query.limit);
  const lists = await Promise.all(
    DIRECTORIES.map((region) =>
      directoryIndex(env, region).listTenants(query.after ?? "", limit + 1),
    ),
  );
  const entries = lists.flat().toSorted((a, b) => (a.tenantId < b.tenantId ? -1 : 1));
  const page = pageOf(entries, limit, (entry) => entry.tenantId);
  const views = await Promise.all(
    page.data.map(({ tenantId, residency }) => tenantObject(env, residency, tenantId).view()),
  );
  return { ...page, data: views.filter((view) => view !== null) };
}

/** One tenant. */
export async function readTenant(
  env: TenantsEnv,
  tenantId: string,
): Promise<Result<TenantView, GatewayError>> {
  const found = await findTenant(env, tenantId);
  const view = found === null ? null : await found.object.view();
  return view === null ? fail({ code: "not_found" }) : ok(view);
}

/** Changes name, region hint or ceiling. A new hint counts for keys made from now on. */
export async function patchTenant(
  env: TenantsEnv,
  tenantId: string,
  patch: TenantPatch,
): Promise<Result<TenantView, GatewayError>> {
  const found = await findTenant(env, tenantId);
  if (found === null) return fail({ code: "not_found" });
  if (
    patch.region_hint !== undefined &&
    patch.region_hint !== hintOf(found.residency, patch.region_hint)
  ) {
    const message = "A resident tenant's region follows from its residency.";
    return fail({ code: "unprocessable", violations: [{ pointer: "/region_hint", message }] });
  }
  const view = await found.object.patch(patch);
  forgetSnapshot(tenantId);
  return view === null ? fail({ code: "not_found" }) : ok(view);
}

/**
 * Erases everything of a tenant and proves it. The keys stop working first and the list entry goes last, so an erasure
 * that was interrupted is finished by asking again.
 */
export async function deleteTenant(
  env: TenantsEnv,
  tenantId: string,
  nowMs: number,
): Promise<Result<TenantReceipt, GatewayError>> {
  const found = await findTenant(env, tenantId);
  if (found === null) return fail({ code: "not_found" });
  const { object, residency, directory } = found;
  const keys: readonly TenantKey[] = await object.listKeys("", ALL_KEYS);
  await removeFromDirectory(env, keys);
  for (const key of keys) forgetKey(key.view.id, nowMs);
  forgetSnapshot(tenantId);
  const listed = await object.listRuns(Number.MAX_SAFE_INTEGER, MAX_ERASED_RUNS, nowMs);
  const gate = await gateObject(env, residency, tenantId).erase();
  const tenant = await object.erase();
  const runIds = listed.map(({ id }) => id);
  const runs = await eraseRuns(env, residency, tenantId, runIds);
  const results = await eraseResults(env.RESULTS, tenantId);
  const kept = await eraseResultShards(env, residency, tenantId);
  await directoryIndex(env, directory).removeTenant(tenantId);
  const stores = {
    tenant,
    tenant_gate: gate,
    key_directory: { keys: keys.length },
    run_journal: { runs },
    results,
    result_cache: { results: kept },
  };
  return ok(await signReceipt(env, tenantId, new Date(nowMs).toISOString(), stores));
}

async function findTenant(env: TenantsEnv, tenantId: string) {
  const answers = await Promise.all(
    DIRECTORIES.map(async (directory) => {
      const entry = await directoryIndex(env, directory).findTenant(tenantId);
      return entry === null ? null : { ...entry, directory };
    }),
  );
  const entry = answers.find((answer) => answer !== null);
  if (entry === undefined) return null;
  const { residency, directory } = entry;
  return { residency, directory, object: tenantObject(env, residency, tenantId) };
}
