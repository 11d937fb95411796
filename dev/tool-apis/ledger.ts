/**
 * An append-only ledger for write tests. It honours nothing: every POST is one entry, so a request sent twice shows as
 * two. An entry is written when the request arrives, before any latency or fault, as a real server may do.
 */

import { epochMs } from "../http/traffic.ts";

/** Entries kept; a POST beyond is refused. */
const MAX_ENTRIES = 100_000;

/** One entry. */
export interface LedgerEntry {
  readonly n: number;
  readonly at: number;
  readonly entry: unknown;
  /** The `idempotency-key` header, recorded but not obeyed. */
  readonly idempotency_key: string | null;
}

/** The ledger of one server. */
export class Ledger {
  #entries: LedgerEntry[] = [];

  /** Appends an entry; null when the ledger is full. */
  append(entry: unknown, idempotencyKey: string | null): LedgerEntry | null {
    if (this.#entries.length >= MAX_ENTRIES) return null;
    const made = {
      n: this.#entries.length + 1,
      at: epochMs(),
      entry,
      idempotency_key: idempotencyKey,
    };
    this.#entries.push(made);
    return made;
  }

  /** All entries, oldest first. */
  entries(): readonly LedgerEntry[] {
    return this.#entries;
  }

  /** Removes every entry. */
  clear(): void {
    this.#entries = [];
  }
}
