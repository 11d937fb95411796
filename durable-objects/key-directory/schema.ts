/**
 * SQL of KeyDirectory. A shard uses `api_key`, the index of a directory region uses `tenant_entry`, and the one object
 * called `operator` uses `bootstrap`; they share a class because they share a life: small rows found by a key.
 *
 * No row holds a key, a person's name or anything a tenant wrote but the names of its allowed tools.
 */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_api_key",
    sql: `CREATE TABLE api_key (
      hash TEXT PRIMARY KEY NOT NULL,
      pepper TEXT NOT NULL,
      key_id TEXT NOT NULL,
      record TEXT NOT NULL,
      expires_at_ms INTEGER,
      revoked_at_ms INTEGER,
      last_used_ms INTEGER
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "002_create_tenant_entry",
    sql: `CREATE TABLE tenant_entry (
      tenant_id TEXT PRIMARY KEY NOT NULL,
      residency TEXT NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "003_create_bootstrap",
    sql: `CREATE TABLE bootstrap (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      at_ms INTEGER NOT NULL
    ) STRICT`,
  },
];
