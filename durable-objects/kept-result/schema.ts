/** SQL of KeptResult. One object holds one result: sealed with the tenant's data key before it gets here. */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_kept",
    sql: `CREATE TABLE kept (id INTEGER PRIMARY KEY CHECK (id = 1), expires_at_ms INTEGER NOT NULL) STRICT`,
  },
  {
    id: "002_create_piece",
    sql: `CREATE TABLE piece (seq INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT`,
  },
];
