/**
 * SQL of RunJournal. One object holds one thing: a durable run, or one hidden turn. Whatever has content is sealed with the
 * tenant's data key, which is not kept here: without the `Tenant` object no row can be read.
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
  {
    // Position of the line that begins the row, from 1; null when the row goes on with the line of the one before.
    id: "004_add_record_line",
    sql: `ALTER TABLE record ADD COLUMN line INTEGER`,
  },
  {
    id: "005_create_execution",
    sql: `CREATE TABLE execution (
      id INTEGER PRIMARY KEY CHECK (id = 1),
      run_id TEXT NOT NULL,
      tenant_id TEXT NOT NULL,
      residency TEXT NOT NULL,
      kind TEXT NOT NULL,
      status TEXT NOT NULL,
      created_at_ms INTEGER NOT NULL,
      ended_at_ms INTEGER,
      is_cancelled INTEGER NOT NULL DEFAULT 0,
      lives INTEGER NOT NULL DEFAULT 1,
      is_listed INTEGER NOT NULL DEFAULT 0
    ) STRICT`,
  },
  {
    // The order, the calls' outcomes and the model's turns, by name, in pieces.
    id: "006_create_sealed_text",
    sql: `CREATE TABLE sealed_text (
      name TEXT NOT NULL,
      part INTEGER NOT NULL,
      sealed TEXT NOT NULL,
      PRIMARY KEY (name, part)
    ) STRICT`,
  },
  {
    // The write-ahead log of calls. The key is a hash; what came of the call is in sealed_text.
    id: "007_create_call",
    sql: `CREATE TABLE call (key TEXT PRIMARY KEY NOT NULL, state TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  },
  {
    // A model turn that was asked: the row of the events that came after.
    id: "008_create_model_turn",
    sql: `CREATE TABLE model_turn (turn INTEGER PRIMARY KEY, first_seq INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0) STRICT`,
  },
  {
    // Random ids the run made, in order, so that a later life makes the same.
    id: "009_create_fresh_id",
    sql: `CREATE TABLE fresh_id (n INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT`,
  },
];
