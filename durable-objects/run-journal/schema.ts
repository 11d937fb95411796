/**
 * SQL of RunJournal. One object holds one thing: a run under an idempotency key, or one hidden turn. Both are sealed with
 * the tenant's data key; the object never sees them in the clear at rest.
 */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_run",
    sql: `CREATE TABLE run (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      body_hash TEXT NOT NULL,
      ended INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
  },
  {
    id: "002_create_record",
    sql: `CREATE TABLE record (seq INTEGER PRIMARY KEY, sealed TEXT NOT NULL) STRICT`,
  },
  {
    id: "003_create_turn",
    sql: `CREATE TABLE turn (id INTEGER PRIMARY KEY CHECK (id = 1), sealed TEXT NOT NULL, expires_at_ms INTEGER NOT NULL) STRICT`,
  },
];
