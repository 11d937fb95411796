/** KeyTable: what a tenant keeps of its API keys. Whether a key works is decided by the directory; this is the list. */

import type { GatewayError } from "../../src/contract/error.ts";
import type { KeyRegion } from "../../src/contract/key.ts";
import { StoredKeyFacts, type TenantKey } from "../../src/contract/stored.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";

/** Keys of one tenant, those that have ended included. */
export const MAX_KEYS = 1000;

interface KeyRow extends Record<string, SqlStorageValue> {
  readonly key_id: string;
  readonly hash: string;
  readonly directory: KeyRegion;
  readonly facts: string;
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
}

const COLUMNS = "key_id, hash, directory, facts, expires_at_ms, revoked_at_ms";

export class KeyTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /**
   * Adds a key and answers the one that had to make room, whose directory entry its caller removes. Only keys that have
   * ended make room; a tenant with `MAX_KEYS` working keys is refused.
   */
  add(key: TenantKey, nowMs: number): Result<TenantKey | null, GatewayError> {
    const dropped = this.count() < MAX_KEYS ? null : this.#oldestEnded(nowMs);
    if (dropped === undefined) {
      return fail({ code: "conflict", detail: `A tenant has at most ${MAX_KEYS} keys.` });
    }
    if (dropped !== null) this.#sql.exec("DELETE FROM api_key WHERE key_id = ?", dropped.view.id);
    const { id, expires_at, revoked_at: _revoked, ...facts } = key.view;
    this.#sql.exec(
      "INSERT INTO api_key (key_id, hash, directory, facts, expires_at_ms) VALUES (?, ?, ?, ?, ?)",
      id,
      key.hash,
      key.directory,
      JSON.stringify(facts),
      expires_at === null ? null : Date.parse(expires_at),
    );
    return ok(dropped);
  }

  /** One key, or null. */
  read(keyId: string): TenantKey | null {
    return this.#select("WHERE key_id = ?", keyId)[0] ?? null;
  }

  /** At most `limit` keys after the id `after`, oldest first. */
  list(after: string, limit: number): readonly TenantKey[] {
    return this.#select("WHERE key_id > ? ORDER BY key_id LIMIT ?", after, limit);
  }

  /** Notes when a key ends; the directory must know already. */
  setExpiry(keyId: string, expiresAtMs: number): void {
    this.#sql.exec("UPDATE api_key SET expires_at_ms = ? WHERE key_id = ?", expiresAtMs, keyId);
  }

  /** Notes that a key was revoked; the directory must know already. The first time counts. */
  revoke(keyId: string, nowMs: number): void {
    this.#sql.exec(
      "UPDATE api_key SET revoked_at_ms = coalesce(revoked_at_ms, ?) WHERE key_id = ?",
      nowMs,
      keyId,
    );
  }

  /** Number of keys, ended ones included. */
  count(): number {
    return this.#sql.exec<{ n: number }>("SELECT count(*) AS n FROM api_key").one().n;
  }

  #oldestEnded(nowMs: number): TenantKey | undefined {
    return this.#select(
      "WHERE revoked_at_ms IS NOT NULL OR expires_at_ms <= ? ORDER BY key_id LIMIT 1",
      nowMs,
    )[0];
  }

  #select(where: string, ...bindings: readonly SqlStorageValue[]): readonly TenantKey[] {
    return this.#sql
      .exec<KeyRow>(`SELECT ${COLUMNS} FROM api_key ${where}`, ...bindings)
      .toArray()
      .map(fromRow);
  }
}

function fromRow(row: KeyRow): TenantKey {
  const facts = StoredKeyFacts.parse(JSON.parse(row.facts));
  return {
    view: {
      id: row.key_id,
      ...facts,
      expires_at: toIso(row.expires_at_ms),
      revoked_at: toIso(row.revoked_at_ms),
    },
    directory: row.directory,
    hash: row.hash,
  };
}

function toIso(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}
