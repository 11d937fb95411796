/**
 * EventLog: what a run said, line by line, each with its position counted from 1; any number of readers follow it from
 * any position, while the run goes on and afterwards, with no gap and nothing twice.
 *
 * A line is durable before a reader sees it, so what was read once is never said otherwise by a later life of the run.
 * Lines that come while others are being written go together in the next write. Memory holds only the newest lines; a
 * slow reader reads from storage, one row at a time, and holds up nobody.
 */

import type { TenantBox } from "../../src/assembly/tenant-box.ts";
import { ROW_CHARACTERS } from "./sealed-texts.ts";

/** Characters one run may say; a run that says more is stopped. */
export const MAX_LOGGED_CHARACTERS = 32 * 1024 * 1024;

/** Characters that may wait to be written before the run waits for them. */
const MAX_WAITING_CHARACTERS = 1024 * 1024;

/** Characters of the newest lines kept for readers that keep up. */
const TAIL_CHARACTERS = 256 * 1024;

/** One line and its position. */
export interface LoggedLine {
  readonly position: number;
  readonly text: string;
}

interface RecordRow extends Record<string, SqlStorageValue> {
  readonly seq: number;
  /** Position of the line that begins the row; null when the row goes on with the line of the one before. */
  readonly line: number | null;
  readonly sealed: string;
}

export class EventLog {
  readonly #storage: DurableObjectStorage;
  readonly #box: Promise<TenantBox>;
  readonly #runId: string;
  readonly #maxCharacters: number;
  readonly #waiting: LoggedLine[] = [];
  readonly #tail: LoggedLine[] = [];
  #waitingCharacters = 0;
  #tailCharacters = 0;
  #characters = 0;
  #nextSeq = 0;
  #lastPosition = 0;
  #durablePosition = 0;
  /** The last row a reader may read. */
  #durableSeq = -1;
  #hasEnded = false;
  #writing: Promise<void> | null = null;
  #changed = Promise.withResolvers<undefined>();

  /** An empty log. The box may still be on its way. */
  constructor(
    storage: DurableObjectStorage,
    box: Promise<TenantBox>,
    runId: string,
    maxCharacters = MAX_LOGGED_CHARACTERS,
  ) {
    this.#storage = storage;
    this.#box = box;
    this.#runId = runId;
    this.#maxCharacters = maxCharacters;
  }

  /** Takes up what an earlier life wrote, up to the row `beforeSeq`; null when a row does not open. */
  async restore(beforeSeq = Infinity): Promise<readonly LoggedLine[] | null> {
    const rows = this.#storage.sql
      .exec<{ last: number | null }>("SELECT max(seq) AS last FROM record")
      .one();
    const lines: LoggedLine[] = [];
    const kept: LoggedLine[] = [];
    let keptCharacters = 0;
    for await (const line of this.#stored(0, rows.last ?? -1)) {
      if (line === null) return null;
      lines.push(line);
      if (line.seq >= beforeSeq) continue;
      keptCharacters += line.text.length;
      kept.push({ position: line.position, text: line.text });
    }
    if (beforeSeq !== Infinity)
      this.#storage.sql.exec("DELETE FROM record WHERE seq >= ?", beforeSeq);
    this.#nextSeq = Math.min(beforeSeq, (rows.last ?? -1) + 1);
    this.#lastPosition = lines.at(-1)?.position ?? 0;
    this.#durablePosition = this.#lastPosition;
    this.#durableSeq = this.#nextSeq - 1;
    this.#characters = keptCharacters;
    return kept;
  }

  /** Number of the row the next line will begin. Resolves when all before it is written. */
  async nextRow(): Promise<number> {
    await this.flush();
    return this.#nextSeq;
  }

  /** Adds a line; false when the run has said too much, in which case it was not added. Waits while much is unwritten. */
  async append(text: string): Promise<boolean> {
    if (this.#characters + text.length > this.#maxCharacters) return false;
    this.#add(text);
    if (this.#waitingCharacters > MAX_WAITING_CHARACTERS) await this.flush();
    return true;
  }

  /** Adds the last line, whatever its length, and ends the log. `seal` runs in the transaction that writes it. */
  async end(text: string, seal: () => void): Promise<void> {
    await this.flush();
    this.#add(text, seal);
    await this.flush();
    this.close();
  }

  /** Says that no line follows. */
  close(): void {
    this.#hasEnded = true;
    this.nudge();
  }

  /** Resolves when every line is durable. */
  async flush(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /** The lines after position `after`, waiting for those to come; ends with the log. Throws when a row does not open. */
  async *follow(after: number, signal: AbortSignal): AsyncGenerator<LoggedLine, void, undefined> {
    let seen = after;
    while (!signal.aborted) {
      const oldest = this.#tail[0]?.position ?? Infinity;
      const next = this.#tail.find(({ position }) => position > seen);
      const upTo = this.#durablePosition;
      if (next !== undefined && oldest <= seen + 1) {
        seen = next.position;
        yield next;
      } else if (seen < upTo) {
        for await (const line of this.#stored(this.#rowOf(seen + 1), this.#durableSeq)) {
          if (line === null) throw new Error("a row of the run's log does not open");
          if (signal.aborted) return;
          if (line.position <= seen) continue;
          seen = line.position;
          yield line;
        }
        seen = Math.max(seen, upTo);
      } else if (this.#hasEnded) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }

  /** True while nothing was said. */
  get isEmpty(): boolean {
    return this.#lastPosition === 0;
  }

  /** Opens the log of a run that has ended, for reading; false when it does not open. */
  async openEnded(): Promise<boolean> {
    const { last } = this.#storage.sql
      .exec<{ last: number | null }>("SELECT max(seq) AS last FROM record")
      .one();
    this.#durableSeq = last ?? -1;
    this.#hasEnded = true;
    for await (const line of this.#stored(this.#rowOf(Number.MAX_SAFE_INTEGER), this.#durableSeq)) {
      if (line === null) return false;
      this.#lastPosition = line.position;
    }
    this.#durablePosition = this.#lastPosition;
    return this.#lastPosition > 0;
  }

  /** Position of the newest line, 0 when there is none. */
  get lastPosition(): number {
    return this.#lastPosition;
  }

  /** Ends the log with a line that is not kept; those who follow see it. */
  endUnsaved(text: string): void {
    this.#lastPosition += 1;
    this.#publish([{ position: this.#lastPosition, text }]);
    this.close();
  }

  /** Makes every reader look again, so that one that was stopped notices. */
  nudge(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers<undefined>();
  }

  #add(text: string, alongside?: () => void): void {
    this.#lastPosition += 1;
    this.#characters += text.length;
    this.#waitingCharacters += text.length;
    this.#waiting.push({ position: this.#lastPosition, text });
    this.#writing ??= this.#write(alongside).finally(() => {
      this.#writing = null;
    });
    // A storage that broke is told to whoever waits for the write.
    this.#writing.catch(() => undefined);
  }

  /** Writes until nothing waits; each round takes all that came during the one before. */
  async #write(alongside?: () => void): Promise<void> {
    const box = await this.#box;
    while (this.#waiting.length > 0) {
      const lines = this.#waiting.splice(0);
      this.#waitingCharacters = 0;
      const text = lines.map((line) => `${line.text}\n`).join("");
      const first = this.#nextSeq;
      const sealed: string[] = [];
      for (let start = 0; start < text.length; start += ROW_CHARACTERS) {
        const name = recordName(this.#runId, first + sealed.length);
        sealed.push(await box.seal(name, text.slice(start, start + ROW_CHARACTERS)));
      }
      this.#storage.transactionSync(() => {
        for (const [index, row] of sealed.entries())
          this.#storage.sql.exec(
            "INSERT INTO record (seq, sealed, line) VALUES (?, ?, ?)",
            first + index,
            row,
            index === 0 ? (lines[0]?.position ?? null) : null,
          );
        alongside?.();
      });
      this.#nextSeq += sealed.length;
      const seq = this.#nextSeq - 1;
      await this.#storage.sync();
      this.#durableSeq = seq;
      this.#publish(lines);
    }
  }

  #publish(lines: readonly LoggedLine[]): void {
    this.#durablePosition = lines.at(-1)?.position ?? this.#durablePosition;
    for (const line of lines) {
      this.#tail.push(line);
      this.#tailCharacters += line.text.length;
    }
    while (this.#tailCharacters > TAIL_CHARACTERS && this.#tail.length > 1)
      this.#tailCharacters -= this.#tail.shift()?.text.length ?? 0;
    this.nudge();
  }

  /** The row in which the line of this position begins, or the last one before it. */
  #rowOf(position: number): number {
    const [row] = this.#storage.sql
      .exec<{ seq: number }>(
        "SELECT seq FROM record WHERE line <= ? ORDER BY seq DESC LIMIT 1",
        position,
      )
      .toArray();
    return row?.seq ?? 0;
  }

  /** Lines of the rows from `from` to `to`, one row in memory at a time; null and the end when one does not open. */
  async *#stored(
    from: number,
    to: number,
  ): AsyncGenerator<(LoggedLine & { readonly seq: number }) | null, void, undefined> {
    const box = await this.#box;
    let pending = "";
    let position = 1;
    let startedIn = from;
    for (let seq = from; seq <= to; seq += 1) {
      const [row] = this.#storage.sql
        .exec<RecordRow>("SELECT seq, line, sealed FROM record WHERE seq = ?", seq)
        .toArray();
      const text =
        row === undefined ? null : await box.open(recordName(this.#runId, seq), row.sealed);
      if (text === null) return yield null;
      if (row?.line != null) position = row.line;
      if (pending === "") startedIn = seq;
      const pieces = (pending + text).split("\n");
      pending = pieces.pop() ?? "";
      for (const piece of pieces) {
        yield { position, text: piece, seq: startedIn };
        position += 1;
        startedIn = seq;
      }
    }
    // A log of an earlier release has no newline behind its last line.
    if (pending !== "") yield { position, text: pending, seq: startedIn };
  }
}

/** Binds a stored row to its run and its place, so rows cannot be swapped. */
function recordName(runId: string, seq: number): string {
  return `${runId}/${seq}`;
}
