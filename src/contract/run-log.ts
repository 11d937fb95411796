/**
 * The log of a durable run, as the run core asks for it and `RunJournal` keeps it: what each call and each model turn of
 * an earlier life came to. `orchestration/journal` says what its lines mean.
 */

import type { ModelEvent } from "./chat.ts";
import type { CallOutcome } from "./run.ts";

/** How far a call had come. */
export type CallState = "claimed" | "sent" | "done" | "failed" | "outcome_unknown";

/** What an earlier life of the run wrote about a call. */
export interface JournaledCall {
  readonly state: CallState;
  /** There from `done` on. */
  readonly outcome: CallOutcome | null;
}

/** The log of one run's calls, by their journal keys. What is written in order is durable in order. */
export interface CallJournal {
  /** What an earlier life of the run left about this call, or null. */
  find(key: string): Promise<JournaledCall | null>;
  /** The call has its slot. Writes of calls that are claimed together go together. */
  claim(key: string): void;
  /** The call is about to leave. The promise says when that is durable. */
  send(key: string): Promise<void>;
  /** The call has ended. */
  settle(key: string, state: CallState, outcome: CallOutcome): Promise<void>;
}

/** Keeps the model turns of one run, counted from 1. */
export interface ModelTurnJournal {
  /** The events of a turn that finished in an earlier life, or null. */
  find(turn: number): Promise<readonly ModelEvent[] | null>;
  /** The turn is asked now; what the run says from here on belongs to it until it is saved. */
  begin(turn: number): Promise<void>;
  /** Resolves once the turn is durable. */
  save(turn: number, events: readonly ModelEvent[]): Promise<void>;
}
