import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { migrate, type Migration } from "../../durable-objects/shared/migrate.ts";

const FIRST: Migration = { id: "901_a", sql: "CREATE TABLE extra_a (x INTEGER) STRICT" };
const SECOND: Migration = { id: "902_b", sql: "CREATE TABLE extra_b (x INTEGER) STRICT" };

/** Runs `body` with storage whose history is empty. */
function withStorage<T>(body: (storage: DurableObjectStorage) => T): Promise<T> {
  const stub = env.TENANT_GATE.getByName(crypto.randomUUID());
  return runInDurableObject(stub, (_object, state) => {
    state.storage.sql.exec("DELETE FROM applied_migration");
    return body(state.storage);
  });
}

function tables(storage: DurableObjectStorage): readonly string[] {
  return storage.sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE name LIKE 'extra_%'")
    .toArray()
    .map((row) => row.name);
}

describe("migrate", () => {
  it("applies each migration once and new ones later", async () => {
    await withStorage((storage) => {
      migrate(storage, [FIRST]);
      migrate(storage, [FIRST]);
      expect(tables(storage)).toEqual(["extra_a"]);
      migrate(storage, [FIRST, SECOND]);
      expect(tables(storage)).toEqual(["extra_a", "extra_b"]);
    });
  });

  it.each([[[SECOND]], [[]], [[{ ...FIRST, id: "901_renamed" }]]])(
    "refuses a list whose past was changed",
    async (list) => {
      await withStorage((storage) => {
        migrate(storage, [FIRST]);
        expect(() => migrate(storage, list)).toThrow("migration history changed at 901_a");
      });
    },
  );

  it("applies all or nothing", async () => {
    await withStorage((storage) => {
      const broken = { id: "902_broken", sql: "CREATE TABLE nonsense (" };
      expect(() => migrate(storage, [FIRST, broken])).toThrow("SQLITE_ERROR");
      expect(tables(storage)).toEqual([]);
    });
  });
});
