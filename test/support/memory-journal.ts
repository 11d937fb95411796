/** A log of calls and turns in memory: what one life of a run writes, the next one finds. */

import { createHash } from "node:crypto";

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { CallOutcome } from "../../src/contract/run.ts";
import type {
  CallJournal,
  CallState,
  JournaledCall,
  ModelTurnJournal,
} from "../../src/contract/run-log.ts";

/** SHA-256 in base64url. */
export function testDigest(text: string): Promise<string> {
  return Promise.resolve(createHash("sha256").update(text).digest("base64url"));
}

/** One run's log. `nextLife` is what is found after a crash: everything written so far. */
export class MemoryJournal implements CallJournal, ModelTurnJournal {
  readonly written = new Map<string, JournaledCall>();
  /** Every state that was written, in order. */
  readonly states: CallState[] = [];
  readonly turns = new Map<number, readonly ModelEvent[]>();
  readonly begun: number[] = [];
  readonly #earlier: ReadonlyMap<string, JournaledCall>;
  readonly #earlierTurns: ReadonlyMap<number, readonly ModelEvent[]>;

  constructor(earlier?: MemoryJournal) {
    this.#earlier = new Map(earlier?.written);
    this.#earlierTurns = new Map(earlier?.turns);
    this.written = new Map(earlier?.written);
    this.turns = new Map(earlier?.turns);
  }

  nextLife(): MemoryJournal {
    return new MemoryJournal(this);
  }

  find(key: string): Promise<JournaledCall | null>;
  find(turn: number): Promise<readonly ModelEvent[] | null>;
  find(what: string | number): Promise<JournaledCall | readonly ModelEvent[] | null> {
    return Promise.resolve(
      typeof what === "string"
        ? (this.#earlier.get(what) ?? null)
        : (this.#earlierTurns.get(what) ?? null),
    );
  }

  claim(key: string): void {
    this.#note(key, "claimed", null);
  }

  async send(key: string): Promise<void> {
    this.#note(key, "sent", null);
  }

  async settle(key: string, state: CallState, outcome: CallOutcome): Promise<void> {
    this.#note(key, state, outcome);
  }

  async begin(turn: number): Promise<void> {
    this.begun.push(turn);
  }

  async save(turn: number, events: readonly ModelEvent[]): Promise<void> {
    this.turns.set(turn, events);
  }

  #note(key: string, state: CallState, outcome: CallOutcome | null): void {
    this.states.push(state);
    this.written.set(key, { state, outcome });
  }
}
