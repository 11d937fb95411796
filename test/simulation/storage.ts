/**
 * What survives a crash: one ordered log of everything a run has stored. Lines become durable in the order they were
 * written, a moment later; a crash keeps all that were durable and any beginning of the rest. A line may be stored twice.
 */

import type { AnyEvent } from "../../durable-objects/run-journal/replayed-events.ts";
import type { ModelEvent } from "../../src/contract/chat.ts";
import type { CallJournal, CallState, ModelTurnJournal } from "../../src/contract/run-log.ts";
import type { CallOutcome, RunPart } from "../../src/contract/run.ts";
import type { Clock } from "../../src/orchestration/ports.ts";
import type { Dice } from "./dice.ts";

/** One stored line. */
export type Line =
  | {
      readonly kind: "call";
      readonly key: string;
      readonly state: CallState;
      readonly outcome: CallOutcome | null;
    }
  | { readonly kind: "turn"; readonly turn: number; readonly events: readonly ModelEvent[] }
  /** What a reader may have read. */
  | { readonly kind: "told"; readonly event: AnyEvent }
  | { readonly kind: "part"; readonly part: RunPart }
  | { readonly kind: "cancelled" };

/** A line is stored twice this often. */
const TWICE = 0.02;

/** Storing takes at most so long. */
const MAX_DELAY_MS = 3;

/** The storage of one life of a run. */
export class Storage {
  /** What the lives before left. */
  readonly earlier: readonly Line[];
  /** The turn the model was asked for last. */
  turn = 0;
  readonly #clock: Clock;
  readonly #dice: Dice;
  /** Of this life: what a crash leaves behind must not pile up. */
  readonly #never = new AbortController().signal;
  readonly #written: Line[] = [];
  #durable = 0;

  constructor(clock: Clock, dice: Dice, earlier: readonly Line[]) {
    this.#clock = clock;
    this.#dice = dice;
    this.earlier = earlier;
  }

  /** Stores a line; resolves once it is durable. */
  async write(line: Line): Promise<void> {
    this.#written.push(line);
    if (this.#dice.chance(TWICE)) this.#written.push(line);
    const upTo = this.#written.length;
    await this.#clock.sleep(this.#dice.int(0, MAX_DELAY_MS), this.#never);
    this.#durable = Math.max(this.#durable, upTo);
  }

  /** Stores a line and everything before it at once: for what is promised in the same moment. */
  writeNow(line: Line): void {
    this.#written.push(line);
    this.#durable = this.#written.length;
  }

  /** What the next life finds when this one is lost now. */
  survivors(): readonly Line[] {
    const kept = this.#dice.int(this.#durable, this.#written.length);
    return [...this.earlier, ...this.#written.slice(0, kept)];
  }

  /** The log of calls. */
  calls(): CallJournal {
    const found = new Map(
      this.earlier.flatMap((line) => (line.kind === "call" ? [[line.key, line]] : [])),
    );
    return {
      find: (key) => Promise.resolve(found.get(key) ?? null),
      claim: (key) => void this.write({ kind: "call", key, state: "claimed", outcome: null }),
      send: (key) => this.write({ kind: "call", key, state: "sent", outcome: null }),
      settle: async (key, state, outcome) => {
        await this.#clock.sleep(this.#dice.int(0, 1), this.#never);
        // Durable before anything that is written later, such as what is told of it.
        void this.write({ kind: "call", key, state, outcome });
      },
    };
  }

  /** The log of model turns. */
  turns(): ModelTurnJournal {
    const found = new Map(
      this.earlier.flatMap((line) => (line.kind === "turn" ? [[line.turn, line.events]] : [])),
    );
    return {
      find: (turn) => Promise.resolve(found.get(turn) ?? null),
      begin: async (turn) => {
        this.turn = turn;
        await this.#clock.sleep(this.#dice.int(0, 1), this.#never);
      },
      save: (turn, events) => this.write({ kind: "turn", turn, events }),
    };
  }
}
