/** Makes tenants for tests, each with an id and keys of its own, so no test meets another's state. */

import { env } from "cloudflare:workers";

import type { KeyRecord } from "../../src/contract/key.ts";
import { TenantCreate, type TenantView } from "../../src/contract/tenant.ts";
import { authenticate } from "../../src/tenancy/authenticate.ts";
import { createTenant } from "../../src/tenancy/tenants.ts";

/** A tenant, the text of its first key and that key's record. */
export interface TestTenant {
  readonly tenant: TenantView;
  readonly key: string;
  readonly keyId: string;
  readonly record: KeyRecord;
}

/** A tenant as the operator would make it. */
export async function newTestTenant(input: Record<string, unknown> = {}): Promise<TestTenant> {
  const wanted = TenantCreate.parse({ name: "Acme", ...input });
  const { tenant, key } = await createTenant(env, wanted, Date.now());
  return { tenant, key: key.key, keyId: key.id, record: await recordOf(key.key) };
}

/** The record of a key that works. */
export async function recordOf(key: string): Promise<KeyRecord> {
  const found = await signIn(key);
  if (!found.ok) throw new Error(`the key was refused: ${found.error.code}`);
  return found.value;
}

/** Signs in as a request would, at `nowMs`. */
export function signIn(key: string, nowMs: number = Date.now()) {
  return authenticate(env, `Bearer ${key}`, `address ${key.slice(-8)}`, nowMs);
}
