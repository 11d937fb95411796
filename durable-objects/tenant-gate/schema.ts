/** SQL of TenantGate: what a decision depends on, and nothing else. Ids are opaque; no row says anything of a person. */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_bucket",
    sql: `CREATE TABLE bucket (
      id TEXT PRIMARY KEY NOT NULL,
      tokens INTEGER NOT NULL,
      parts INTEGER NOT NULL,
      at_ms INTEGER NOT NULL,
      rate_limit INTEGER NOT NULL,
      window_ms INTEGER NOT NULL,
      burst INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "002_create_permit",
    sql: `CREATE TABLE permit (
      id TEXT PRIMARY KEY NOT NULL,
      limits TEXT NOT NULL,
      expires_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "003_create_lent_permit",
    sql: `CREATE TABLE lent_permit (
      isolate TEXT NOT NULL,
      limit_id TEXT NOT NULL,
      lent INTEGER NOT NULL,
      ends_at_ms INTEGER NOT NULL,
      PRIMARY KEY (isolate, limit_id)
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "004_create_lease_end",
    sql: `CREATE TABLE lease_end (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      at_ms INTEGER NOT NULL
    ) STRICT`,
  },
  {
    id: "005_create_breaker",
    sql: `CREATE TABLE breaker (
      target TEXT PRIMARY KEY NOT NULL,
      epoch INTEGER NOT NULL,
      phase TEXT NOT NULL,
      forced TEXT,
      until_ms INTEGER NOT NULL,
      open_ms INTEGER NOT NULL,
      cause TEXT NOT NULL,
      first_seen_ms INTEGER NOT NULL,
      failures TEXT NOT NULL,
      openings INTEGER NOT NULL,
      down_since_ms INTEGER,
      down_ms INTEGER NOT NULL,
      bad INTEGER NOT NULL,
      timed_out INTEGER NOT NULL,
      limited INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "006_add_breaker_credential",
    sql: "ALTER TABLE breaker ADD COLUMN credential TEXT",
  },
];

/** Writes `count` buckets in one statement: id, tokens, parts, at_ms, rate_limit, window_ms, burst each. */
export function upsertBuckets(count: number): string {
  const rows = Array.from({ length: count }, () => "(?, ?, ?, ?, ?, ?, ?)").join(", ");
  return `INSERT OR REPLACE INTO bucket (id, tokens, parts, at_ms, rate_limit, window_ms, burst) VALUES ${rows}`;
}
