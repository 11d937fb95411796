/**
 * KeyDirectory: from the HMAC of an API key to an opaque tenant id, and the list of the tenants.
 *
 * Per directory region (`us`, `eu`: in that jurisdiction; `ap`: none) there are eight shards `keys:<n>` and one `index`;
 * the `us` directory also holds `operator`, which remembers that the deployment was bootstrapped. Only HMACs are stored
 * and compared. An unknown, a revoked and an expired key get the same answer after the same work: null.
 */

import { DurableObject } from "cloudflare:workers";

import type { KeyRecord, Residency } from "../../src/contract/key.ts";
import { StoredKeyRecord } from "../../src/contract/stored.ts";
import { fromHex } from "../../src/platform/encoding.ts";
import { migrate } from "../shared/migrate.ts";
import { MIGRATIONS } from "./schema.ts";

/** A use is noted at most this often, because every note is a row written. */
const LAST_USED_RESOLUTION_MS = 60_000;

/** Compared with when no row was found, so that an unknown key costs the same comparison. */
const NO_DIGEST = new Uint8Array(32);

/** A key to be found from now on. */
export interface DirectoryEntry {
  /** HMAC-SHA-256 in lower-case hex. */
  readonly hash: string;
  /** Version of the pepper the HMAC was made with. */
  readonly pepper: string;
  readonly record: KeyRecord;
}

/** A tenant in the list. */
export interface TenantEntry {
  readonly tenantId: string;
  readonly residency: Residency;
}

/** Last uses by hash, epoch ms. */
export type LastUses = Readonly<Record<string, number>>;

interface KeyRow extends Record<string, SqlStorageValue> {
  readonly hash: string;
  readonly record: string;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
  readonly last_used_ms: number | null;
}

export class KeyDirectory extends DurableObject<Env> {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    migrate(ctx.storage, MIGRATIONS);
    this.#sql = ctx.storage.sql;
  }

  /** Writes a key, or overwrites it with the same rights. */
  putKey(entry: DirectoryEntry): void {
    this.#sql.exec(
      `INSERT INTO api_key (hash, pepper, key_id, record, expires_at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (hash) DO UPDATE SET record = excluded.record, expires_at_ms = excluded.expires_at_ms`,
      entry.hash,
      entry.pepper,
      entry.record.keyId,
      JSON.stringify(entry.record),
      entry.record.expiresAtMs,
    );
  }

  /** The record of a key that works at `nowMs`, else null. Notes the use at most once a minute. */
  findKey(hash: string, nowMs: number): KeyRecord | null {
    const [row] = this.#sql
      .exec<KeyRow>(
        "SELECT hash, record, expires_at_ms, revoked_at_ms, last_used_ms FROM api_key WHERE hash = ?",
        hash,
      )
      .toArray();
    const wanted = fromHex(hash) ?? NO_DIGEST;
    const stored = row === undefined ? NO_DIGEST : (fromHex(row.hash) ?? NO_DIGEST);
    const isSame = crypto.subtle.timingSafeEqual(wanted, stored);
    if (!isSame || row === undefined || !works(row, nowMs)) return null;
    if (nowMs - (row.last_used_ms ?? 0) >= LAST_USED_RESOLUTION_MS) {
      this.#sql.exec("UPDATE api_key SET last_used_ms = ? WHERE hash = ?", nowMs, hash);
    }
    const record = StoredKeyRecord.parse(JSON.parse(row.record));
    // The column says when it ends, because a rotation moves it.
    return { ...record, expiresAtMs: row.expires_at_ms };
  }

  /** Brings a key's end forward or back; rotation does. */
  setExpiry(hash: string, expiresAtMs: number): void {
    this.#sql.exec("UPDATE api_key SET expires_at_ms = ? WHERE hash = ?", expiresAtMs, hash);
  }

  /** Revokes a key for good; a second time changes nothing. */
  revokeKey(hash: string, nowMs: number): void {
    this.#sql.exec(
      "UPDATE api_key SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE hash = ?",
      nowMs,
      hash,
    );
  }

  /** Forgets keys; they are unknown from now on. */
  removeKeys(hashes: readonly string[]): void {
    for (const hash of hashes) this.#sql.exec("DELETE FROM api_key WHERE hash = ?", hash);
  }

  /** When each of these keys was last seen; keys never used are left out. */
  lastUses(hashes: readonly string[]): LastUses {
    const uses: Record<string, number> = {};
    for (const hash of hashes) {
      const [row] = this.#sql
        .exec<{ last_used_ms: number | null }>(
          "SELECT last_used_ms FROM api_key WHERE hash = ?",
          hash,
        )
        .toArray();
      if (typeof row?.last_used_ms === "number") uses[hash] = row.last_used_ms;
    }
    return uses;
  }

  /** Puts a tenant on the list. */
  addTenant(entry: TenantEntry): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO tenant_entry (tenant_id, residency) VALUES (?, ?)",
      entry.tenantId,
      entry.residency,
    );
  }

  /** Where a tenant lives, or null when this directory does not know it. */
  findTenant(tenantId: string): TenantEntry | null {
    return this.#tenants("tenant_id = ? LIMIT 1", tenantId)[0] ?? null;
  }

  /** At most `limit` tenants after the id `after`, in the order of their ids, which is that of their creation. */
  listTenants(after: string, limit: number): readonly TenantEntry[] {
    return this.#tenants("tenant_id > ? ORDER BY tenant_id LIMIT ?", after, limit);
  }

  /** Takes a tenant off the list. */
  removeTenant(tenantId: string): void {
    this.#sql.exec("DELETE FROM tenant_entry WHERE tenant_id = ?", tenantId);
  }

  /** True for the first caller ever, false for good afterwards. */
  claimBootstrap(nowMs: number): boolean {
    const written = this.#sql.exec(
      "INSERT INTO bootstrap (id, at_ms) VALUES (1, ?) ON CONFLICT DO NOTHING",
      nowMs,
    ).rowsWritten;
    return written > 0;
  }

  #tenants(where: string, ...bindings: readonly SqlStorageValue[]): readonly TenantEntry[] {
    return this.#sql
      .exec<{ tenant_id: string; residency: Residency }>(
        `SELECT tenant_id, residency FROM tenant_entry WHERE ${where}`,
        ...bindings,
      )
      .toArray()
      .map((row) => ({ tenantId: row.tenant_id, residency: row.residency }));
  }
}

function works(row: KeyRow, nowMs: number): boolean {
  return row.revoked_at_ms === null && (row.expires_at_ms === null || nowMs < row.expires_at_ms);
}
