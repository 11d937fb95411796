/**
 * The memory of `durable-objects/migrations.lock.json`: which migrations exist for good. Stored data was made by them, so
 * one that is edited, renamed, removed or reordered breaks every object that has run it.
 */

import { createHash } from "node:crypto";

/** One migration as the lock remembers it. */
export interface LockedMigration {
  readonly id: string;
  /** SHA-256 of its content, hex, first 16 characters. */
  readonly hash: string;
}

/** Lists of migrations by owner: `wrangler`, and the folder of each object. */
export type MigrationLock = Readonly<Record<string, readonly LockedMigration[]>>;

/** What the lock remembers of one migration. White space does not count. */
export function lockOf(id: string, content: string): LockedMigration {
  const hash = createHash("sha256")
    .update(content.replaceAll(/\s+/g, " ").trim())
    .digest("hex")
    .slice(0, 16);
  return { id, hash };
}

/** Sentences on every way `actual` rewrites what `lock` remembers, and on what the lock does not know yet. */
export function lockFaults(lock: MigrationLock, actual: MigrationLock): string[] {
  const faults: string[] = [];
  for (const [owner, locked] of Object.entries(lock)) {
    const present = actual[owner] ?? [];
    for (const [index, migration] of locked.entries()) {
      const found = present[index];
      if (found?.id !== migration.id) {
        faults.push(
          `${owner}: migration ${index + 1} was ${migration.id} and is now ${found?.id ?? "gone"}`,
        );
      } else if (found.hash !== migration.hash)
        faults.push(`${owner}: migration ${migration.id} was edited; append a new one`);
    }
  }
  return faults;
}

/** Migrations that the lock does not know yet, as `owner/id`. */
export function unlocked(lock: MigrationLock, actual: MigrationLock): string[] {
  return Object.entries(actual).flatMap(([owner, present]) =>
    present.slice(lock[owner]?.length ?? 0).map(({ id }) => `${owner}/${id}`),
  );
}
