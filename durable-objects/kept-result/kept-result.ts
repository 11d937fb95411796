/**
 * KeptResult: the full value of one tool result that was too long for where it was wanted, until its time is over.
 *
 * One object for each handle, made through the tenant's jurisdiction and named with the tenant, so another tenant's handle
 * finds nothing and the alarm of one result never touches another. It stores sealed bytes and knows nothing of them.
 */

import { DurableObject } from "cloudflare:workers";

import { migrate } from "../shared/migrate.ts";
import { MIGRATIONS } from "./schema.ts";

/** Bytes of one row, below the platform's 2 MB. */
const ROW_BYTES = 1024 * 1024;

export class KeptResult extends DurableObject<Env> {
  /** Keeps `sealed` for `ttlMs`; resolves when it is durable. A value kept before under this handle is replaced. */
  async keep(sealed: Uint8Array, ttlMs: number): Promise<void> {
    const { storage } = this.ctx;
    const expiresAtMs = Date.now() + ttlMs;
    migrate(storage, MIGRATIONS);
    storage.transactionSync(() => {
      storage.sql.exec("DELETE FROM piece");
      storage.sql.exec(
        "INSERT OR REPLACE INTO kept (id, expires_at_ms) VALUES (1, ?)",
        expiresAtMs,
      );
      for (let seq = 0; seq * ROW_BYTES < sealed.length; seq += 1) {
        const piece = sealed.slice(seq * ROW_BYTES, (seq + 1) * ROW_BYTES);
        storage.sql.exec("INSERT INTO piece (seq, sealed) VALUES (?, ?)", seq, piece.buffer);
      }
    });
    await storage.setAlarm(expiresAtMs);
  }

  /** The sealed bytes, or null when nothing is kept here or its time is over. */
  read(): Uint8Array | null {
    const { sql } = this.ctx.storage;
    // Asking for an unknown handle must not leave a file, so the tables are made at the first write only.
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'piece'");
    if (tables.toArray().length === 0) return null;
    const kept = sql.exec("SELECT 1 FROM kept WHERE id = 1 AND expires_at_ms > ?", Date.now());
    if (kept.toArray().length === 0) return null;
    const rows = sql
      .exec<{ sealed: ArrayBuffer }>("SELECT sealed FROM piece ORDER BY seq")
      .toArray();
    const sealed = new Uint8Array(rows.reduce((length, row) => length + row.sealed.byteLength, 0));
    let at = 0;
    for (const row of rows) {
      sealed.set(new Uint8Array(row.sealed), at);
      at += row.sealed.byteLength;
    }
    return sealed;
  }

  /** Its time is over: the object forgets everything, so that its file goes too. */
  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }
}
