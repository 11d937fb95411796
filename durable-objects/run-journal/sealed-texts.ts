/**
 * SealedTexts: named texts of one run, sealed with the tenant's data key and cut into rows below the platform's limit.
 *
 * Name, place and number of the rows are authenticated with each: one that was moved, changed, or is missing makes the
 * whole text unreadable, which is answered as null, like a text that is not there.
 */

import type { TenantBox } from "../../src/assembly/tenant-box.ts";

/** Characters of one row: sealed and in base64 it stays below the platform's 2 MB. */
export const ROW_CHARACTERS = 256 * 1024;

/** A text ready to be written. Writing is synchronous, so it can share a transaction. */
export interface SealedText {
  readonly name: string;
  readonly rows: readonly string[];
}

export class SealedTexts {
  readonly #sql: SqlStorage;
  readonly #box: TenantBox;
  readonly #runId: string;

  constructor(sql: SqlStorage, box: TenantBox, runId: string) {
    this.#sql = sql;
    this.#box = box;
    this.#runId = runId;
  }

  /** Seals `text` under its name. */
  async seal(name: string, text: string): Promise<SealedText> {
    const count = Math.max(1, Math.ceil(text.length / ROW_CHARACTERS));
    const pieces = Array.from({ length: count }, (_, part) =>
      text.slice(part * ROW_CHARACTERS, (part + 1) * ROW_CHARACTERS),
    );
    const rows: string[] = [];
    for (const [part, piece] of pieces.entries())
      rows.push(await this.#box.seal(this.#place(name, part, count), piece));
    return { name, rows };
  }

  /** Writes a sealed text in place of what had its name. */
  write({ name, rows }: SealedText): void {
    this.#sql.exec("DELETE FROM sealed_text WHERE name = ?", name);
    for (const [part, sealed] of rows.entries())
      this.#sql.exec(
        "INSERT INTO sealed_text (name, part, sealed) VALUES (?, ?, ?)",
        name,
        part,
        sealed,
      );
  }

  /** The text, or null when it is not there or does not open. */
  async read(name: string): Promise<string | null> {
    const rows = this.#sql
      .exec<{ sealed: string }>("SELECT sealed FROM sealed_text WHERE name = ? ORDER BY part", name)
      .toArray();
    if (rows.length === 0) return null;
    let text = "";
    for (const [part, { sealed }] of rows.entries()) {
      const piece = await this.#box.open(this.#place(name, part, rows.length), sealed);
      if (piece === null) return null;
      text += piece;
    }
    return text;
  }

  #place(name: string, part: number, count: number): string {
    return `${this.#runId}/${name}/${part}/${count}`;
  }
}
