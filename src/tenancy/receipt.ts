/** Receipt: what was erased of a tenant, signed, so the operator can show later that it was. */

import { canonicalJson } from "../platform/canonical-json.ts";
import { toBase64Url, utf8 } from "../platform/encoding.ts";
import { keyring } from "./keyring.ts";

/** Rows and entries erased, store by store. */
export interface ErasedStores {
  readonly tenant: {
    readonly keys: number;
    readonly tools: number;
    readonly upstreams: number;
    readonly secrets: number;
  };
  readonly tenant_gate: { readonly buckets: number; readonly permits: number };
  readonly key_directory: { readonly keys: number };
  /** Durable runs still listed. Older ones are unreadable, their key being gone, and expire by themselves. */
  readonly run_journal: { readonly runs: number };
  /**
   * Cached results. `complete` is false when there were more than one request may delete: the rest is unreadable, its
   * key being gone, and expires by itself.
   */
  readonly results: { readonly deleted: number; readonly complete: boolean };
  /** Cached results of a resident tenant, which its own objects held. */
  readonly result_cache: { readonly results: number };
}

/** Proof of erasure. */
export interface TenantReceipt {
  readonly tenant: string;
  readonly deleted_at: string;
  readonly stores: ErasedStores;
  /** HMAC-SHA-256 of the canonical JSON of the rest, under the key named. */
  readonly signature: { readonly key: string; readonly value: string };
}

/** Set before what is signed, so no signature can ever be an API key's HMAC. */
const PURPOSE = "toolformer-edge/receipt/1\n";

/** Signs with the deployment's newest pepper. */
export async function signReceipt(
  env: Pick<Env, "KEY_PEPPERS">,
  tenant: string,
  deleted_at: string,
  stores: ErasedStores,
): Promise<TenantReceipt> {
  const { newest } = await keyring("hmac", env.KEY_PEPPERS);
  const { tenant: rows, tenant_gate, key_directory, run_journal, results, result_cache } = stores;
  const text = canonicalJson({
    tenant,
    deleted_at,
    stores: {
      tenant: { ...rows },
      tenant_gate: { ...tenant_gate },
      key_directory: { ...key_directory },
      run_journal: { ...run_journal },
      results: { ...results },
      result_cache: { ...result_cache },
    },
  });
  const mac = await crypto.subtle.sign("HMAC", newest.key, utf8(PURPOSE + text));
  const value = toBase64Url(new Uint8Array(mac));
  return { tenant, deleted_at, stores, signature: { key: newest.version, value } };
}
