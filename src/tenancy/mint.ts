/**
 * Mint: makes a tenant's key. First the tenant's list, which may refuse, then the directory, from which moment the key
 * works; a crash in between leaves a listed key that does not work, never a working one that nobody sees.
 */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRegion, KeyView, Scope } from "../contract/key.ts";
import type { Limits } from "../contract/limits.ts";
import type { TenantView } from "../contract/tenant.ts";
import { newOrderedId } from "../platform/id.ts";
import { ok, type Result } from "../platform/result.ts";
import { hashKey } from "./key-hash.ts";
import { keyHint, mintKeyText } from "./key-format.ts";
import { directoryOf, directoryShard, tenantObject } from "./objects.ts";

/** What a new key may do. */
export interface WantedKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly tools: readonly string[] | null;
  readonly limits: Limits | null;
  readonly expiresAtMs: number | null;
}

/** A key as its creator sees it, this once with its text. */
export interface MintedKey extends KeyView {
  readonly key: string;
}

type MintEnv = Pick<Env, "KEY_DIRECTORY" | "KEY_PEPPERS" | "ROLE" | "TENANT">;

/** Makes the key; `conflict` when the tenant has too many. */
export async function mintTenantKey(
  env: MintEnv,
  tenant: TenantView,
  wanted: WantedKey,
  nowMs: number,
): Promise<Result<MintedKey, GatewayError>> {
  const directory = directoryOf(tenant.residency, tenant.region_hint);
  const text = newKeyText(env, directory);
  const { hash, pepper } = await hashKey(env, text);
  const view = {
    id: newOrderedId("key", nowMs),
    name: wanted.name,
    scopes: [...new Set(wanted.scopes)],
    hint: keyHint(text),
    tools: wanted.tools,
    limits: wanted.limits,
    expires_at: wanted.expiresAtMs === null ? null : new Date(wanted.expiresAtMs).toISOString(),
    revoked_at: null,
    created_at: new Date(nowMs).toISOString(),
  };
  const object = tenantObject(env, tenant.residency, tenant.id);
  const added = await object.addKey({ view, directory, hash }, nowMs);
  if (!added.ok) return added;
  if (added.value !== null) {
    const dropped = added.value;
    await directoryShard(env, dropped.directory, dropped.hash).removeKeys([dropped.hash]);
  }
  const record = {
    keyId: view.id,
    tenantId: tenant.id,
    residency: tenant.residency,
    scopes: view.scopes,
    tools: view.tools,
    limits: view.limits,
    expiresAtMs: wanted.expiresAtMs,
  };
  await directoryShard(env, directory, hash).putKey({ hash, pepper, record });
  return ok({ ...view, last_used_at: null, key: text });
}

/** Text of a new key: `live` wherever it is deployed, `test` in development. */
export function newKeyText(env: { readonly ROLE: string }, region: KeyRegion): string {
  return mintKeyText(region, env.ROLE === "development" ? "test" : "live");
}
