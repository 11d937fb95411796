/**
 * DurableRun: what a run that must survive its process gets besides the usual ports, and how every run's lanes are put
 * together: identical reads once, limits, the write-ahead log, and below them the connections.
 *
 * A run that is not durable has the same lanes without a log: nothing of it is stored, only an `idempotent_write` gets
 * its key.
 */

import type { Tool } from "../contract/tool.ts";
import type { CallJournal, ModelTurnJournal } from "../contract/run-log.ts";
import { journalCalls, type RunBounds } from "../orchestration/journal/journal-calls.ts";
import { limitCalls } from "../orchestration/journal/limit-calls.ts";
import type { CallNumbers } from "../orchestration/journal/number-calls.ts";
import { shareCalls } from "../orchestration/journal/share-calls.ts";
import type { LanePool } from "../orchestration/ports.ts";

/** What a durable run remembers of its earlier lives. */
export interface DurableRun {
  /** Null only where journalling is switched off to show what it is for. */
  readonly calls: CallJournal | null;
  readonly turns: ModelTurnJournal;
  /** An id with fresh randomness, the same in every life of the run. */
  newId(this: void, prefix: string): string;
  readonly startedAtMs: number;
  /** It was lost at least once. */
  readonly isResumed: boolean;
  /** It was cancelled in an earlier life. */
  readonly isCancelled: boolean;
}

/**
 * How long a run that was lost may take at least to say what it had finished. Nothing is sent in it after the deadline:
 * without it a run taken up just before its deadline would report known results, and writes that may have happened, as
 * mere timeouts.
 */
export const LATE_REPORT_MS = 5_000;

/** When a run began and how long it has. The deadline survives a crash: it counts from the first life. */
export interface RunTimes {
  readonly startedAtMs: number;
  /** For the run core: longer than asked for only when there is nothing left to do but report. */
  readonly deadlineMs: number;
  readonly bounds: RunBounds;
}

/** The times of a run that may take `deadlineMs`. */
export function runTimes(
  durable: Pick<DurableRun, "startedAtMs" | "isResumed" | "isCancelled"> | null,
  deadlineMs: number,
  now: () => number = () => Date.now(),
): RunTimes {
  const nowMs = now();
  const startedAtMs = durable?.startedAtMs ?? nowMs;
  const bounds = {
    deadlineAtMs: startedAtMs + deadlineMs,
    isCancelled: durable?.isCancelled ?? false,
    now,
  };
  const leastMs = durable?.isResumed === true ? nowMs + LATE_REPORT_MS - startedAtMs : 0;
  return { startedAtMs, deadlineMs: Math.max(deadlineMs, leastMs), bounds };
}

/** The lanes of one run over `connections`. */
export function runLanes(
  connections: LanePool,
  numbers: CallNumbers,
  tools: ReadonlyMap<string, Tool>,
  durable: DurableRun | null,
  bounds: RunBounds,
): LanePool {
  const journaled = journalCalls(connections, numbers, durable?.calls ?? null, bounds);
  const maxUses = (tool: string) => tools.get(tool)?.definition.max_uses ?? null;
  return shareCalls(limitCalls(journaled, numbers, maxUses));
}
