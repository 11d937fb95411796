/** GenerationTable: how often each scope of a tenant's results was invalidated. */

import type { ResultGenerations } from "../../src/contract/flight.ts";
import { migrate } from "../shared/migrate.ts";
import { MIGRATIONS } from "./schema.ts";

/** Scopes counted apart. Beyond that everything is invalidated and counting starts anew. */
export const MAX_SCOPES = 4_000;

/** Counts every invalidation; it is never forgotten, so no two states of the table look alike. */
const ALL = "all";

/** The row that counts them all; no scope of a client has this name. */
const COUNT = "count";

export class GenerationTable {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  /** What was counted so far. */
  read(): ResultGenerations {
    const { sql } = this.#storage;
    // Asking must not leave a file, so the table is made at the first invalidation only.
    const tables = sql.exec(
      "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'generation'",
    );
    if (tables.toArray().length === 0) return { count: 0, scopes: {} };
    const rows = sql
      .exec<{ scope: string; n: number }>("SELECT scope, n FROM generation")
      .toArray();
    const counted = new Map(rows.map(({ scope, n }) => [scope, n]));
    const count = counted.get(COUNT) ?? 0;
    counted.delete(COUNT);
    return { count, scopes: Object.fromEntries(counted) };
  }

  /** Counts one invalidation of each scope. */
  advance(scopes: readonly string[]): ResultGenerations {
    migrate(this.#storage, MIGRATIONS);
    const { sql } = this.#storage;
    this.#storage.transactionSync(() => {
      for (const scope of new Set([...scopes, COUNT])) this.#count(scope);
      const { n } = sql.exec<{ n: number }>("SELECT count(*) AS n FROM generation").one();
      if (n <= MAX_SCOPES) return;
      this.#count(ALL);
      sql.exec("DELETE FROM generation WHERE scope NOT IN (?, ?)", ALL, COUNT);
    });
    return this.read();
  }

  #count(scope: string): void {
    this.#storage.sql.exec(
      "INSERT INTO generation (scope, n) VALUES (?, 1) ON CONFLICT (scope) DO UPDATE SET n = n + 1",
      scope,
    );
  }
}
