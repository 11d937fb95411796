/** Breakers on disk: one row each, written at its transitions. */

import type { BreakerPhase, Forced, OpenCause } from "../../src/algorithms/breaker.ts";
import type { BreakerRow } from "./breaker-table.ts";

interface SavedRow extends Record<string, SqlStorageValue> {
  readonly target: string;
  readonly epoch: number;
  readonly phase: BreakerPhase;
  readonly forced: Forced | null;
  readonly until_ms: number;
  readonly open_ms: number;
  readonly cause: OpenCause;
  readonly credential: string | null;
  readonly first_seen_ms: number;
  /** Times of failures, separated by spaces. */
  readonly failures: string;
  readonly openings: number;
  readonly down_since_ms: number | null;
  readonly down_ms: number;
  readonly bad: number;
  readonly timed_out: number;
  readonly limited: number;
}

/** Every saved breaker. */
export function readBreakers(sql: SqlStorage): readonly BreakerRow[] {
  return [...sql.exec<SavedRow>("SELECT * FROM breaker")].map((row) => ({
    target: row.target,
    state: {
      epoch: row.epoch,
      phase: row.phase,
      forced: row.forced,
      untilMs: row.until_ms,
      openMs: row.open_ms,
      cause: row.cause,
      credential: row.credential,
    },
    record: {
      firstSeenMs: row.first_seen_ms,
      failuresMs: row.failures.split(" ").filter(Boolean).map(Number),
      openings: row.openings,
      downSinceMs: row.down_since_ms,
      downMs: row.down_ms,
      bad: row.bad,
      timedOut: row.timed_out,
      limited: row.limited,
    },
  }));
}

/** Writes these breakers. */
export function writeBreakers(sql: SqlStorage, rows: readonly BreakerRow[]): void {
  for (const { target, state, record } of rows) {
    sql.exec(
      `INSERT OR REPLACE INTO breaker (target, epoch, phase, forced, until_ms, open_ms, cause, first_seen_ms, failures,
        openings, down_since_ms, down_ms, bad, timed_out, limited, credential)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      target,
      state.epoch,
      state.phase,
      state.forced,
      state.untilMs,
      state.openMs,
      state.cause,
      record.firstSeenMs,
      record.failuresMs.join(" "),
      record.openings,
      record.downSinceMs,
      record.downMs,
      record.bad,
      record.timedOut,
      record.limited,
      state.credential,
    );
  }
}
