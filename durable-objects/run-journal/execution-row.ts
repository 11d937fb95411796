/** The one row that says how a durable run stands: nothing of its content, so it is readable without the tenant's key. */

import type { Residency } from "../../src/contract/key.ts";
import type { StoredRunKind, StoredRunStatus } from "../../src/contract/stored-run.ts";

/** How a durable run stands. */
export interface Execution {
  readonly runId: string;
  readonly tenantId: string;
  readonly residency: Residency;
  readonly kind: StoredRunKind;
  readonly status: StoredRunStatus;
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
  /** Somebody cancelled it; it must not go on. */
  readonly isCancelled: boolean;
  /** How often it was started: 1, and one more after each loss. */
  readonly lives: number;
  /** The tenant's index knows how it ended. */
  readonly isListed: boolean;
}

interface Row extends Record<string, SqlStorageValue> {
  readonly run_id: string;
  readonly tenant_id: string;
  readonly residency: Residency;
  readonly kind: StoredRunKind;
  readonly status: StoredRunStatus;
  readonly created_at_ms: number;
  readonly ended_at_ms: number | null;
  readonly is_cancelled: number;
  readonly lives: number;
  readonly is_listed: number;
}

/** What is written of a run that begins. */
type NewExecution = Pick<Execution, "runId" | "tenantId" | "residency" | "kind" | "createdAtMs"> & {
  readonly bodyHash: string;
};

/** Writes the rows of a run that begins, in the transaction that keeps its order: without it there must be neither. */
export function insertExecution(sql: SqlStorage, run: NewExecution): void {
  sql.exec("INSERT INTO run (id, body_hash) VALUES (1, ?)", run.bodyHash);
  sql.exec(
    `INSERT INTO execution (id, run_id, tenant_id, residency, kind, status, created_at_ms)
     VALUES (1, ?, ?, ?, ?, 'in_progress', ?)`,
    run.runId,
    run.tenantId,
    run.residency,
    run.kind,
    run.createdAtMs,
  );
}

/** The row, or null when this object holds no durable run. */
export function readExecution(sql: SqlStorage): Execution | null {
  const [row] = sql.exec<Row>("SELECT * FROM execution WHERE id = 1").toArray();
  if (row === undefined) return null;
  return {
    runId: row.run_id,
    tenantId: row.tenant_id,
    residency: row.residency,
    kind: row.kind,
    status: row.status,
    createdAtMs: row.created_at_ms,
    endedAtMs: row.ended_at_ms,
    isCancelled: row.is_cancelled === 1,
    lives: row.lives,
    isListed: row.is_listed === 1,
  };
}

/** Says that the run has ended. Call it in the transaction that writes the last event. */
export function endExecution(sql: SqlStorage, status: StoredRunStatus, endedAtMs: number): void {
  sql.exec("UPDATE execution SET status = ?, ended_at_ms = ? WHERE id = 1", status, endedAtMs);
  sql.exec("UPDATE run SET ended = 1 WHERE id = 1");
}

/** Says that the run must not go on. */
export function cancelExecution(sql: SqlStorage): void {
  sql.exec("UPDATE execution SET is_cancelled = 1 WHERE id = 1");
}

/** Counts one more life. */
export function countLife(sql: SqlStorage): void {
  sql.exec("UPDATE execution SET lives = lives + 1 WHERE id = 1");
}

/** Says that the tenant's index knows how the run ended. */
export function noteListed(sql: SqlStorage): void {
  sql.exec("UPDATE execution SET is_listed = 1 WHERE id = 1");
}
