/**
 * SQL of ResultCache: results of a resident tenant, sealed with its data key before they get here, and, in an object of
 * their own, how often results were invalidated.
 */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_result",
    sql: `CREATE TABLE result (
      key TEXT PRIMARY KEY NOT NULL,
      sealed TEXT NOT NULL,
      stale_until_ms INTEGER NOT NULL,
      kept_until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
  },
  {
    id: "002_index_result_end",
    sql: "CREATE INDEX result_end ON result (kept_until_ms)",
  },
  {
    id: "003_create_generation",
    sql: `CREATE TABLE generation (scope TEXT PRIMARY KEY NOT NULL, n INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  },
];
