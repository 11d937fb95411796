/** RunTable: the index of a tenant's durable runs. Ids, kinds and states; content is in each run's own object. */

import {
  RUN_RETENTION_MS,
  type StoredRunKind,
  type StoredRunStatus,
} from "../../src/contract/stored-run.ts";

/** Runs listed; the oldest make room. They can still be asked for by their id. */
export const MAX_LISTED_RUNS = 10_000;

/** Rows whose retention is over that one note removes; more than one, so they cannot pile up. */
const PURGED_AT_ONCE = 16;

/** How long a run may go on at most, and a little more. */
const LONGEST_RUN_MS = 15 * 60 * 1000;

/** One run as the index knows it. */
export interface ListedRun {
  /** Counts up; lists are walked by it. */
  readonly position: number;
  readonly id: string;
  readonly kind: StoredRunKind;
  readonly status: StoredRunStatus;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
}

interface RunRow extends Record<string, SqlStorageValue> {
  readonly position: number;
  readonly run_id: string;
  readonly kind: StoredRunKind;
  readonly status: StoredRunStatus;
  readonly created_at_ms: number;
  readonly ended_at_ms: number | null;
}

export class RunTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Notes how a run stands. It may be told twice and late: what ended stays ended. */
  note(run: Omit<ListedRun, "position">, nowMs: number): void {
    this.#sql.exec(
      `INSERT INTO run (run_id, kind, status, created_at_ms, ended_at_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (run_id) DO UPDATE SET status = excluded.status, ended_at_ms = excluded.ended_at_ms
       WHERE excluded.ended_at_ms IS NOT NULL`,
      run.id,
      run.kind,
      run.status,
      run.createdAtMs,
      run.endedAtMs,
    );
    this.#sql.exec(
      "DELETE FROM run WHERE position <= (SELECT max(position) FROM run) - ?",
      MAX_LISTED_RUNS,
    );
    this.#sql.exec(
      `DELETE FROM run WHERE position IN
         (SELECT position FROM (SELECT position, created_at_ms FROM run ORDER BY position LIMIT ?) WHERE created_at_ms < ?)`,
      PURGED_AT_ONCE,
      oldest(nowMs),
    );
  }

  /** At most `limit` runs before the position `before`, newest first. */
  list(before: number, limit: number, nowMs: number): readonly ListedRun[] {
    return this.#sql
      .exec<RunRow>(
        "SELECT * FROM run WHERE position < ? AND created_at_ms >= ? ORDER BY position DESC LIMIT ?",
        before,
        oldest(nowMs),
        limit,
      )
      .toArray()
      .map((row) => ({
        position: row.position,
        id: row.run_id,
        kind: row.kind,
        status: row.status,
        createdAtMs: row.created_at_ms,
        endedAtMs: row.ended_at_ms,
      }));
  }

  /** Takes a run off the list. */
  remove(runId: string): void {
    this.#sql.exec("DELETE FROM run WHERE run_id = ?", runId);
  }
}

/** When a run that can still be asked for began at the earliest. */
function oldest(nowMs: number): number {
  return nowMs - RUN_RETENTION_MS - LONGEST_RUN_MS;
}
