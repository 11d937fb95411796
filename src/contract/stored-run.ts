/** Durable runs as lists and answers show them: what a run is and how it stands, never its content. */

/** What asked for the run. */
export type StoredRunKind = "run" | "chat" | "response";

/** How a durable run stands. */
export type StoredRunStatus = "in_progress" | "completed" | "partial" | "failed" | "cancelled";

/** A durable run as `GET /v1/runs` lists it. */
export interface StoredRunView {
  readonly id: string;
  readonly object: "run";
  readonly kind: StoredRunKind;
  readonly status: StoredRunStatus;
  /** ISO 8601, UTC. */
  readonly created_at: string;
  /** ISO 8601, UTC; null while it goes on. */
  readonly ended_at: string | null;
}

/** How long a run that has ended can be asked for. */
export const RUN_RETENTION_MS = 24 * 60 * 60 * 1000;
