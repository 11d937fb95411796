/**
 * SQL of Tenant. Everything of one tenant but its limits' state (TenantGate) and its runs (RunJournal).
 *
 * Secrets are sealed before they come here and API keys are known by their HMAC only, so no row holds either in the clear.
 */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_tenant",
    sql: `CREATE TABLE tenant (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      tenant_id TEXT NOT NULL,
      name TEXT NOT NULL,
      residency TEXT NOT NULL,
      region_hint TEXT NOT NULL,
      ceiling TEXT NOT NULL,
      data_key TEXT NOT NULL,
      version INTEGER NOT NULL,
      created_at TEXT NOT NULL
    ) STRICT`,
  },
  {
    id: "002_create_policy_version",
    sql: `CREATE TABLE policy_version (
      version INTEGER PRIMARY KEY,
      policy TEXT NOT NULL,
      author TEXT NOT NULL,
      created_at TEXT NOT NULL
    ) STRICT`,
  },
  {
    id: "003_create_resource",
    sql: `CREATE TABLE resource (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL,
      name TEXT NOT NULL,
      version INTEGER NOT NULL,
      body TEXT NOT NULL,
      UNIQUE (kind, name)
    ) STRICT`,
  },
  {
    // The highest version a deleted resource of a kind ever had: a later one of the same name never repeats it.
    id: "004_create_version_floor",
    sql: `CREATE TABLE version_floor (kind TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  },
  {
    id: "005_create_api_key",
    sql: `CREATE TABLE api_key (
      key_id TEXT PRIMARY KEY NOT NULL,
      hash TEXT NOT NULL,
      directory TEXT NOT NULL,
      facts TEXT NOT NULL,
      expires_at_ms INTEGER,
      revoked_at_ms INTEGER
    ) STRICT, WITHOUT ROWID`,
  },
  {
    // The index of durable runs: no content. Its position counts up, so lists can be walked while runs come.
    id: "006_create_run",
    sql: `CREATE TABLE run (
      position INTEGER PRIMARY KEY AUTOINCREMENT,
      run_id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      status TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      ended_at_ms INTEGER
    ) STRICT`,
  },
];
