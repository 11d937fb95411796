/**
 * TenantBox: seals and opens text with a tenant's data key, for what a run leaves in storage (stored answers, hidden
 * turns, cached results). The name given is part of what is authenticated: a value moved to another place, tenant or
 * version does not open.
 */

import type { TenantSnapshot } from "../contract/tenant.ts";
import { open, openBinary, openDataKey, seal, sealBinary } from "../tenancy/sealed.ts";

/** Seals and opens for one tenant. */
export interface TenantBox {
  seal(name: string, text: string): Promise<string>;
  /** The text, or null when the value is corrupt, another tenant's, or was sealed under another name. */
  open(name: string, sealed: string): Promise<string | null>;
  /** The same for bytes. */
  sealBytes(name: string, bytes: Uint8Array): Promise<Uint8Array>;
  openBytes(name: string, sealed: Uint8Array): Promise<Uint8Array<ArrayBuffer> | null>;
}

/** The box of a tenant; the data key is unwrapped here and held by the isolate for a short while. */
export async function tenantBox(
  env: Pick<Env, "MASTER_KEYS">,
  tenant: Pick<TenantSnapshot, "tenantId" | "dataKey">,
): Promise<TenantBox> {
  const key = await openDataKey(env, tenant.tenantId, tenant.dataKey);
  const aad = (name: string) => ["tfe1", tenant.tenantId, "box", name];
  return {
    async seal(name, text) {
      const sealed = await seal(key, aad(name), text);
      return `${sealed.key}.${sealed.iv}.${sealed.ct}`;
    },
    async open(name, text) {
      const [keyName, iv, ct] = text.split(".");
      if (keyName === undefined || iv === undefined || ct === undefined) return null;
      return open(key, aad(name), { key: keyName, iv, ct });
    },
    sealBytes: (name, bytes) => sealBinary(key, aad(name), bytes),
    openBytes: (name, sealed) => openBinary(key, aad(name), sealed),
  };
}
