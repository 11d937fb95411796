/**
 * Keys: what a tenant does with its API keys.
 *
 * A key may mint or rotate only what it could do itself: scopes, tools and lifetime are a subset of its own. Revocation
 * reaches the directory first, so a crash leaves a dead key that looks alive, never the other way round.
 */

import type { GatewayError, Violation } from "../contract/error.ts";
import type { KeyCreate, KeyRecord, KeyView } from "../contract/key.ts";
import { pageLimit, pageOf, type Page, type PageQuery } from "../contract/page.ts";
import type { TenantKey } from "../contract/stored.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { forgetKey } from "./authenticate.ts";
import { byShard } from "./directory-entries.ts";
import { mintTenantKey, type MintedKey, type WantedKey } from "./mint.ts";
import { directoryShard, type tenantObject } from "./objects.ts";
import { ownTenant } from "./own-tenant.ts";

type KeysEnv = Pick<Env, "KEY_DIRECTORY" | "KEY_PEPPERS" | "ROLE" | "TENANT">;

/** Who asks. */
export interface Principal {
  readonly key: KeyRecord;
}

/** Makes a key. Its text is in the answer and nowhere else. */
export async function createKey(
  env: KeysEnv,
  principal: Principal,
  input: KeyCreate,
  nowMs: number,
): Promise<Result<MintedKey, GatewayError>> {
  const own = ownTenant(env, principal.key);
  if (!own.ok) return own;
  const wanted = narrowed(principal.key, {
    name: input.name,
    scopes: input.scopes,
    tools: input.tools ?? null,
    limits: input.limits ?? null,
    expiresAtMs: input.expires_at === undefined ? null : Date.parse(input.expires_at),
  });
  const refused = beyond(principal.key, wanted, nowMs);
  if (refused !== null) return fail(refused);
  const tenant = await own.value.object.view();
  if (tenant === null) return fail({ code: "not_found" });
  return mintTenantKey(env, tenant, wanted, nowMs);
}

/** The tenant's keys, oldest first, with when each was last used (to the minute). */
export async function listKeys(
  env: KeysEnv,
  key: KeyRecord,
  query: PageQuery,
): Promise<Result<Page<KeyView>, GatewayError>> {
  const own = ownTenant(env, key);
  if (!own.ok) return own;
  const limit = pageLimit(query.limit);
  const page = pageOf(
    await own.value.object.listKeys(query.after ?? "", limit + 1),
    limit,
    (item) => item.view.id,
  );
  return ok({ ...page, data: await withLastUse(env, page.data) });
}

/** A successor with the same rights; the old key ends after the overlap, at once when that is 0. */
export async function rotateKey(
  env: KeysEnv,
  principal: Principal,
  keyId: string,
  overlapS: number,
  nowMs: number,
): Promise<Result<MintedKey, GatewayError>> {
  const own = ownTenant(env, principal.key);
  if (!own.ok) return own;
  const { object } = own.value;
  const [old, tenant] = await Promise.all([object.readKey(keyId), object.view()]);
  if (old === null || tenant === null) return fail({ code: "not_found" });
  const wanted = rightsOf(old);
  if (old.view.revoked_at !== null || isPast(wanted.expiresAtMs, nowMs)) {
    return fail({ code: "conflict", detail: "The key has ended." });
  }
  const refused = beyond(principal.key, wanted, nowMs);
  if (refused !== null) return fail(refused);
  const minted = await mintTenantKey(env, tenant, wanted, nowMs);
  if (!minted.ok) return minted;
  if (overlapS === 0) await end(env, object, old, nowMs);
  else await shorten(env, object, old, nowMs + overlapS * 1000);
  forgetKey(keyId, nowMs);
  return minted;
}

/** Revokes a key: refused on this isolate at once, everywhere within five seconds. */
export async function revokeKey(
  env: KeysEnv,
  principal: Principal,
  keyId: string,
  nowMs: number,
): Promise<Result<null, GatewayError>> {
  const own = ownTenant(env, principal.key);
  if (!own.ok) return own;
  const key = await own.value.object.readKey(keyId);
  if (key === null) return fail({ code: "not_found" });
  await end(env, own.value.object, key, nowMs);
  forgetKey(keyId, nowMs);
  return ok(null);
}

/** What was not asked for is taken from the minting key, so leaving something out never widens a right. */
function narrowed(key: KeyRecord, wanted: WantedKey): WantedKey {
  return {
    ...wanted,
    tools: wanted.tools ?? key.tools,
    limits: wanted.limits ?? key.limits,
    expiresAtMs: wanted.expiresAtMs ?? key.expiresAtMs,
  };
}

/** Why `key` may not mint `wanted`, or null. */
function beyond(key: KeyRecord, wanted: WantedKey, nowMs: number): GatewayError | null {
  const scope = wanted.scopes.find((candidate) => !key.scopes.includes(candidate));
  if (scope !== undefined) return { code: "insufficient_scope", scope };
  if (key.tools !== null && !isSubset(wanted.tools, key.tools)) {
    return { code: "insufficient_scope", scope: "tools" };
  }
  if (isPast(wanted.expiresAtMs, nowMs)) return refusedExpiry("Must be in the future.");
  if (key.expiresAtMs !== null && (wanted.expiresAtMs ?? Infinity) > key.expiresAtMs) {
    return refusedExpiry("Must not be later than the end of the key that makes it.");
  }
  return null;
}

function isSubset(names: readonly string[] | null, of: readonly string[]): boolean {
  return names !== null && names.every((name) => of.includes(name));
}

function isPast(epochMs: number | null, nowMs: number): boolean {
  return epochMs !== null && epochMs <= nowMs;
}

function refusedExpiry(message: string): GatewayError {
  const violation: Violation = { pointer: "/expires_at", message };
  return { code: "unprocessable", violations: [violation] };
}

function rightsOf({ view }: TenantKey): WantedKey {
  const { name, scopes, tools, limits, expires_at } = view;
  const expiresAtMs = expires_at === null ? null : Date.parse(expires_at);
  return { name, scopes, tools, limits, expiresAtMs };
}

type TenantObject = ReturnType<typeof tenantObject>;

async function end(
  env: KeysEnv,
  tenant: TenantObject,
  key: TenantKey,
  nowMs: number,
): Promise<void> {
  await directoryShard(env, key.directory, key.hash).revokeKey(key.hash, nowMs);
  await tenant.noteRevoked(key.view.id, nowMs);
}

async function shorten(
  env: KeysEnv,
  tenant: TenantObject,
  key: TenantKey,
  endMs: number,
): Promise<void> {
  const { expiresAtMs } = rightsOf(key);
  if (expiresAtMs !== null && expiresAtMs <= endMs) return;
  await directoryShard(env, key.directory, key.hash).setExpiry(key.hash, endMs);
  await tenant.setKeyExpiry(key.view.id, endMs);
}

/** Asks each directory shard once for the keys of the page it knows. */
async function withLastUse(env: KeysEnv, keys: readonly TenantKey[]): Promise<readonly KeyView[]> {
  const uses = await Promise.all(
    byShard(keys).map(([first, ...others]) =>
      directoryShard(env, first.directory, first.hash).lastUses(
        [first, ...others].map((key) => key.hash),
      ),
    ),
  );
  const lastUses = new Map(uses.flatMap((part) => Object.entries(part)));
  return keys.map(({ view, hash }) => {
    const usedMs = lastUses.get(hash);
    return { ...view, last_used_at: usedMs === undefined ? null : new Date(usedMs).toISOString() };
  });
}
