/**
 * CallTable: the write-ahead log of a run's calls in SQLite; see `journalCalls` for what its lines mean.
 *
 * Calls that are claimed or sent in the same moment are written in one transaction and waited for once. An outcome and
 * the state that says it is there are written together.
 */

import type { CallJournal, CallState, JournaledCall } from "../../src/contract/run-log.ts";
import type { CallOutcome } from "../../src/contract/run.ts";
import type { SealedTexts } from "./sealed-texts.ts";

export class CallTable implements CallJournal {
  readonly #storage: DurableObjectStorage;
  readonly #texts: SealedTexts;
  /** What an earlier life of the run wrote. */
  readonly #earlier: ReadonlyMap<string, CallState>;
  readonly #unwritten = new Map<string, CallState>();
  #writing: Promise<void> | null = null;

  constructor(storage: DurableObjectStorage, texts: SealedTexts) {
    this.#storage = storage;
    this.#texts = texts;
    this.#earlier = new Map(
      storage.sql
        .exec<{ key: string; state: CallState }>("SELECT key, state FROM call")
        .toArray()
        .map(({ key, state }) => [key, state]),
    );
  }

  async find(key: string): Promise<JournaledCall | null> {
    const state = this.#earlier.get(key);
    if (state === undefined) return null;
    if (state === "claimed" || state === "sent") return { state, outcome: null };
    const text = await this.#texts.read(outcomeName(key));
    // A row that was tampered with is not an outcome; that the call had been sent is still known.
    if (text === null) return { state: "sent", outcome: null };
    // Written by `settle` below.
    const outcome: CallOutcome = JSON.parse(text);
    return { state, outcome };
  }

  claim(key: string): void {
    // Not awaited: `send` follows in the same write, and what is only claimed may be claimed again.
    this.#write(key, "claimed").catch(() => undefined);
  }

  send(key: string): Promise<void> {
    return this.#write(key, "sent");
  }

  async settle(key: string, state: CallState, outcome: CallOutcome): Promise<void> {
    const sealed = await this.#texts.seal(outcomeName(key), JSON.stringify(outcome));
    if (this.#writing !== null) await this.#writing;
    this.#storage.transactionSync(() => {
      this.#texts.write(sealed);
      this.#upsert(key, state);
    });
  }

  #write(key: string, state: CallState): Promise<void> {
    this.#unwritten.set(key, state);
    this.#writing ??= this.#writeAll();
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    // Whoever claims in this very moment comes along.
    await Promise.resolve();
    this.#writing = null;
    const rows = [...this.#unwritten];
    this.#unwritten.clear();
    this.#storage.transactionSync(() => {
      for (const [key, state] of rows) this.#upsert(key, state);
    });
    await this.#storage.sync();
  }

  #upsert(key: string, state: CallState): void {
    this.#storage.sql.exec("INSERT OR REPLACE INTO call (key, state) VALUES (?, ?)", key, state);
  }
}

function outcomeName(key: string): string {
  return `call/${key}`;
}
