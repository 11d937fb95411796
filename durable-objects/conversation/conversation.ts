/**
 * Conversation: what a later response goes on from, until its time is over.
 *
 * Two things, each in an object of its own name, all made through the tenant's jurisdiction: a kept response, and a turn
 * that waits for approval. Both are sealed text to this object. What it decides is who answers for a held call: the first
 * run that claims it, and no other, ever. A claim is durable before its caller hears of it, so a call is made at most
 * once whatever is lost afterwards.
 */

import { DurableObject } from "cloudflare:workers";

import type { HeldState } from "../../src/contract/held-state.ts";
import { migrate } from "../shared/migrate.ts";
import { MIGRATIONS } from "./schema.ts";

/** Characters of sealed text in one row, below the platform's 2 MB. */
const ROW_CHARACTERS = 1024 * 1024;

interface HeldCallRow extends Record<string, SqlStorageValue> {
  readonly id: string;
  readonly owner: string | null;
  readonly claimed_at_ms: number | null;
}

export class Conversation extends DurableObject<Env> {
  #migrated = false;

  /** Keeps a sealed document for `ttlMs` in place of what was here; resolves when it is durable. */
  async save(sealed: string, ttlMs: number): Promise<void> {
    this.#write(sealed, ttlMs, []);
    await this.ctx.storage.setAlarm(Date.now() + ttlMs);
  }

  /** The sealed document, or null when there is none or its time is over. */
  load(): string | null {
    if (!this.#isHere()) return null;
    const rows = this.#tables()
      .exec<{ sealed: string }>("SELECT sealed FROM document ORDER BY seq")
      .toArray();
    return joined(rows);
  }

  /** Forgets the document; false when there was none. */
  async erase(): Promise<boolean> {
    const wasHere = this.#isHere();
    await this.#forget();
    return wasHere;
  }

  /** Keeps a sealed turn with its open calls for `ttlMs`. One that is here already stays as it is. */
  async hold(sealed: string, ttlMs: number, callIds: readonly string[]): Promise<void> {
    if (this.#isHere()) return;
    this.#write(sealed, ttlMs, callIds);
    await this.ctx.storage.setAlarm(Date.now() + ttlMs);
  }

  /** The held turn and how its calls stand, or null when there is none or its time is over. */
  held(): HeldState | null {
    const sealed = this.load();
    if (sealed === null) return null;
    const sql = this.#tables();
    const calls = sql
      .exec<HeldCallRow>("SELECT id, owner, claimed_at_ms FROM held_call ORDER BY id")
      .toArray();
    const contentOf = (id: string) => {
      const rows = sql
        .exec<{ sealed: string }>("SELECT sealed FROM held_content WHERE id = ? ORDER BY part", id)
        .toArray();
      return rows.length === 0 ? null : joined(rows);
    };
    return {
      sealed,
      calls: calls.map(({ id, owner, claimed_at_ms: claimedAtMs }) => ({
        id,
        owner,
        claimedAtMs,
        content: contentOf(id),
      })),
    };
  }

  /** Takes these calls for `owner`; false, and none taken, when one is unknown or another's. Repeating it is no harm. */
  async claim(callIds: readonly string[], owner: string): Promise<boolean> {
    if (!this.#isHere()) return false;
    const { storage } = this.ctx;
    const isTaken = storage.transactionSync(() => {
      for (const id of callIds) {
        const [call] = storage.sql
          .exec<{ owner: string | null }>("SELECT owner FROM held_call WHERE id = ?", id)
          .toArray();
        if (call === undefined || (call.owner ?? owner) !== owner) return false;
      }
      for (const id of callIds)
        storage.sql.exec(
          "UPDATE held_call SET owner = ?, claimed_at_ms = ? WHERE id = ? AND owner IS NULL",
          owner,
          Date.now(),
          id,
        );
      return true;
    });
    await storage.sync();
    return isTaken;
  }

  /** Keeps sealed contents of calls, the first of each, and answers the turn as it is then. */
  settle(contents: readonly { readonly id: string; readonly sealed: string }[]): HeldState | null {
    if (!this.#isHere()) return null;
    const { storage } = this.ctx;
    storage.transactionSync(() => {
      for (const { id, sealed } of contents) {
        const kept = storage.sql.exec("SELECT 1 FROM held_content WHERE id = ?", id).toArray();
        for (const [part, piece] of kept.length > 0 ? [] : pieces(sealed).entries())
          storage.sql.exec(
            "INSERT INTO held_content (id, part, sealed) VALUES (?, ?, ?)",
            id,
            part,
            piece,
          );
      }
    });
    return this.held();
  }

  /** The document's time is over. */
  override async alarm(): Promise<void> {
    await this.#forget();
  }

  #write(sealed: string, ttlMs: number, callIds: readonly string[]): void {
    const sql = this.#tables();
    this.ctx.storage.transactionSync(() => {
      sql.exec("DELETE FROM document");
      sql.exec(
        "INSERT OR REPLACE INTO lifetime (id, expires_at_ms) VALUES (1, ?)",
        Date.now() + ttlMs,
      );
      for (const [seq, piece] of pieces(sealed).entries())
        sql.exec("INSERT INTO document (seq, sealed) VALUES (?, ?)", seq, piece);
      for (const id of callIds) sql.exec("INSERT INTO held_call (id, owner) VALUES (?, NULL)", id);
    });
  }

  async #forget(): Promise<void> {
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#migrated = false;
  }

  /** The tables, made at the first write only: an object that is merely asked for leaves no file. */
  #tables(): SqlStorage {
    if (!this.#migrated) migrate(this.ctx.storage, MIGRATIONS);
    this.#migrated = true;
    return this.ctx.storage.sql;
  }

  #isHere(): boolean {
    const { sql } = this.ctx.storage;
    const tables = sql.exec(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'lifetime'",
    );
    if (tables.toArray().length === 0) return false;
    const rows = sql.exec("SELECT 1 FROM lifetime WHERE expires_at_ms > ?", Date.now());
    return rows.toArray().length > 0;
  }
}

function pieces(text: string): readonly string[] {
  const all: string[] = [];
  for (let start = 0; start < text.length; start += ROW_CHARACTERS)
    all.push(text.slice(start, start + ROW_CHARACTERS));
  return all;
}

function joined(rows: readonly { readonly sealed: string }[]): string {
  return rows.map(({ sealed }) => sealed).join("");
}
