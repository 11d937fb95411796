/**
 * SQL of Conversation. One object holds one document: a kept response, or a turn that waits for approval. Whatever has
 * content is sealed with the tenant's data key; the object never sees it in the clear.
 */

import type { Migration } from "../shared/migrate.ts";

/** Append-only; see shared/migrate.ts. */
export const MIGRATIONS: readonly Migration[] = [
  {
    id: "001_create_document",
    sql: `CREATE TABLE document (seq INTEGER PRIMARY KEY, sealed TEXT NOT NULL) STRICT`,
  },
  {
    id: "002_create_lifetime",
    sql: `CREATE TABLE lifetime (id INTEGER PRIMARY KEY CHECK (id = 1), expires_at_ms INTEGER NOT NULL) STRICT`,
  },
  {
    // A call of a held turn; the owner is the run that was told to answer for it.
    id: "003_create_held_call",
    sql: `CREATE TABLE held_call (id TEXT PRIMARY KEY NOT NULL, owner TEXT, claimed_at_ms INTEGER) STRICT, WITHOUT ROWID`,
  },
  {
    // What the model reads of it, in pieces.
    id: "004_create_held_content",
    sql: `CREATE TABLE held_content (id TEXT NOT NULL, part INTEGER NOT NULL, sealed TEXT NOT NULL, PRIMARY KEY (id, part)) STRICT`,
  },
];
