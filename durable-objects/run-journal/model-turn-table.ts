/**
 * ModelTurnTable: the finished model turns of a run, and the random ids it made, so that a later life of it says the same.
 *
 * When a turn is asked, the row of the event log that comes next is noted: what a turn said that never finished is taken
 * back from there, because the model is asked again and may say something else.
 */

import type { ModelEvent } from "../../src/contract/chat.ts";
import type { ModelTurnJournal } from "../../src/contract/run-log.ts";
import { newId } from "../../src/platform/id.ts";
import type { EventLog } from "./event-log.ts";
import type { SealedTexts } from "./sealed-texts.ts";

export class ModelTurnTable implements ModelTurnJournal {
  readonly #storage: DurableObjectStorage;
  readonly #texts: SealedTexts;
  readonly #log: EventLog;
  #ids = 0;

  constructor(storage: DurableObjectStorage, texts: SealedTexts, log: EventLog) {
    this.#storage = storage;
    this.#texts = texts;
    this.#log = log;
  }

  async find(turn: number): Promise<readonly ModelEvent[] | null> {
    const text = await this.#texts.read(turnName(turn));
    if (text === null) return null;
    // Written by `save` below.
    const events: readonly ModelEvent[] = JSON.parse(text);
    return events;
  }

  async begin(turn: number): Promise<void> {
    const seq = await this.#log.nextRow();
    this.#storage.sql.exec(
      "INSERT OR REPLACE INTO model_turn (turn, first_seq, ended) VALUES (?, ?, 0)",
      turn,
      seq,
    );
  }

  async save(turn: number, events: readonly ModelEvent[]): Promise<void> {
    const sealed = await this.#texts.seal(turnName(turn), JSON.stringify(events));
    this.#storage.transactionSync(() => {
      this.#texts.write(sealed);
      this.#storage.sql.exec("UPDATE model_turn SET ended = 1 WHERE turn = ?", turn);
    });
    await this.#storage.sync();
  }

  /** An id such as `call_…`; the n-th of a run is the same in each of its lives. */
  newId(prefix: string): string {
    this.#ids += 1;
    const { sql } = this.#storage;
    const [known] = sql
      .exec<{ id: string }>("SELECT id FROM fresh_id WHERE n = ?", this.#ids)
      .toArray();
    const id = known?.id ?? newId("");
    if (known === undefined) sql.exec("INSERT INTO fresh_id (n, id) VALUES (?, ?)", this.#ids, id);
    return prefix + id;
  }
}

/** The row of the event log from which an unfinished turn spoke; Infinity when every turn that was asked has finished. */
export function unfinishedTurnRow(sql: SqlStorage): number {
  const [row] = sql
    .exec<{ first_seq: number }>(
      "SELECT first_seq FROM model_turn WHERE ended = 0 ORDER BY turn LIMIT 1",
    )
    .toArray();
  return row?.first_seq ?? Infinity;
}

function turnName(turn: number): string {
  return `turn/${turn}`;
}
