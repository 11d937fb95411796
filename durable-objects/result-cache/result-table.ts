/**
 * ResultTable: the results a shard keeps. A resident tenant's lie on disk; every result lies in memory for half a minute,
 * so that whoever comes just behind a leader finds it, also where KV still shows that there is nothing.
 */

import { BoundedMap } from "../../src/platform/bounded-map.ts";
import { migrate } from "../shared/migrate.ts";
import { MIGRATIONS } from "./schema.ts";

/** Rows of one shard. */
export const MAX_ROWS = 10_000;

/** How long a result stays in memory: as long as KV may show its absence. */
const MEMORY_MS = 30_000;

/** Results in memory, and the longest of them in characters: 4 MiB at most. */
const MAX_IN_MEMORY = 64;
const MAX_MEMORY_LENGTH = 64 * 1024;

/** A row's bound on the platform is 2 MB. */
export const MAX_SEALED_LENGTH = 2_000_000;

/** A sealed result and how long it may be used, epoch ms. */
export interface KeptRow {
  readonly sealed: string;
  readonly staleUntilMs: number;
  readonly keptUntilMs: number;
}

interface ResultRow extends Record<string, SqlStorageValue> {
  readonly sealed: string;
  readonly stale_until_ms: number;
  readonly kept_until_ms: number;
}

export class ResultTable {
  readonly #storage: DurableObjectStorage;
  #memory = new BoundedMap<string, KeptRow & { isGiven: boolean }>(MAX_IN_MEMORY);

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** The result, fresh or not, and whether nobody was given it before; null when there is none. */
  read(key: string, nowMs: number): (KeptRow & { readonly isFirst: boolean }) | null {
    const held = this.#memory.get(key, nowMs);
    if (held !== undefined) {
      const isFirst = !held.isGiven;
      held.isGiven = true;
      return { ...held, isFirst };
    }
    // Asking must not leave a file, so the table is made at the first write only.
    if (!this.hasTable()) return null;
    const [row] = this.#storage.sql
      .exec<ResultRow>("SELECT * FROM result WHERE key = ? AND kept_until_ms > ?", key, nowMs)
      .toArray();
    if (row === undefined) return null;
    const { sealed, stale_until_ms: staleUntilMs, kept_until_ms: keptUntilMs } = row;
    return { sealed, staleUntilMs, keptUntilMs, isFirst: false };
  }

  /** Keeps a result in memory, and on disk when it is `durable`. `isGiven`: others have it already. */
  keep(key: string, row: KeptRow, durable: boolean, isGiven: boolean, nowMs: number): void {
    if (row.sealed.length <= MAX_MEMORY_LENGTH) {
      const untilMs = Math.min(row.keptUntilMs, nowMs + MEMORY_MS);
      this.#memory.set(key, { ...row, isGiven }, untilMs);
    } else this.#memory.delete(key);
    if (!durable || row.sealed.length > MAX_SEALED_LENGTH) return;
    migrate(this.#storage, MIGRATIONS);
    const { sql } = this.#storage;
    sql.exec(
      "INSERT OR REPLACE INTO result (key, sealed, stale_until_ms, kept_until_ms) VALUES (?, ?, ?, ?)",
      key,
      row.sealed,
      Math.round(row.staleUntilMs),
      Math.round(row.keptUntilMs),
    );
    if (this.count() <= MAX_ROWS) return;
    // Those whose time ends first make room, a hundredth at a time.
    sql.exec(
      "DELETE FROM result WHERE key IN (SELECT key FROM result ORDER BY kept_until_ms LIMIT ?)",
      MAX_ROWS / 100,
    );
  }

  /** Deletes what nobody may use any more; how many are left. */
  sweep(nowMs: number): number {
    if (!this.hasTable()) return 0;
    this.#storage.sql.exec("DELETE FROM result WHERE kept_until_ms <= ?", nowMs);
    return this.count();
  }

  /** Forgets what is not on disk. */
  forgetMemory(): void {
    this.#memory = new BoundedMap(MAX_IN_MEMORY);
  }

  /** Results on disk. */
  count(): number {
    if (!this.hasTable()) return 0;
    const rows = this.#storage.sql.exec<{ n: number }>("SELECT count(*) AS n FROM result");
    return rows.one().n;
  }

  /** Whether anything was ever kept on disk. */
  hasTable(): boolean {
    const { sql } = this.#storage;
    const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'result'");
    return tables.toArray().length > 0;
  }
}
