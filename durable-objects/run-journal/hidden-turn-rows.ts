/** The one hidden turn of a `RunJournal` object: its sealed text, cut into rows below the platform's limit. */

/** Characters of sealed text in one row, below the platform's 2 MB. */
const SEALED_ROW_CHARACTERS = 1024 * 1024;

/** Writes the sealed turn in place of an earlier one. What is too long for its row goes on in `record`. */
export function writeTurn(
  storage: DurableObjectStorage,
  sealed: string,
  expiresAtMs: number,
): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec("DELETE FROM record");
    sql.exec(
      "INSERT OR REPLACE INTO turn (id, sealed, expires_at_ms) VALUES (1, ?, ?)",
      sealed.slice(0, SEALED_ROW_CHARACTERS),
      expiresAtMs,
    );
    for (let seq = 1; seq * SEALED_ROW_CHARACTERS < sealed.length; seq += 1) {
      const start = seq * SEALED_ROW_CHARACTERS;
      const piece = sealed.slice(start, start + SEALED_ROW_CHARACTERS);
      sql.exec("INSERT INTO record (seq, sealed) VALUES (?, ?)", seq, piece);
    }
  });
}

/** The sealed turn, or null when there is none or its time is over at `nowMs`. */
export function readTurn(sql: SqlStorage, nowMs: number): string | null {
  const [row] = sql
    .exec<{ sealed: string }>("SELECT sealed FROM turn WHERE id = 1 AND expires_at_ms > ?", nowMs)
    .toArray();
  if (row === undefined) return null;
  const more = sql.exec<{ sealed: string }>("SELECT sealed FROM record ORDER BY seq").toArray();
  return row.sealed + more.map(({ sealed }) => sealed).join("");
}
