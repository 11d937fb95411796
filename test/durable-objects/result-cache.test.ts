/** ResultCache: what it keeps survives, what is over does not, and those who want the same result meet in it. */

import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

import { MAX_SCOPES } from "../../durable-objects/result-cache/generation-table.ts";

const MINUTE = { staleMs: 60_000, keptMs: 60_000 };
const LOOK = { elects: false, timeoutMs: 1000 };
const WANT = { elects: true, timeoutMs: 1000 };
let objects = 0;

function shard() {
  return env.RESULT_CACHE.getByName(`results ${(objects += 1)}`);
}

/** Tables of an object's file. */
function tables(object: ReturnType<typeof shard>): Promise<readonly unknown[]> {
  return runInDurableObject(object, (_, { storage }) =>
    storage.sql
      .exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray(),
  );
}

describe("ResultCache", () => {
  it("keeps a resident tenant's result through an eviction, and another's in memory only", async () => {
    const object = shard();
    await object.post("durable", "sealed 1", MINUTE, true);
    await object.post("passing", "sealed 2", MINUTE, false);
    expect(await object.ask("passing", LOOK)).toMatchObject({ kind: "found", sealed: "sealed 2" });
    await evictDurableObject(object);
    expect(await object.ask("durable", LOOK)).toMatchObject({ kind: "found", sealed: "sealed 1" });
    expect(await object.ask("passing", LOOK)).toEqual({ kind: "alone" });
  });

  it("leaves no file behind when nothing was kept", async () => {
    const object = shard();
    await object.ask("k", LOOK);
    await object.ask("k", WANT);
    await object.post("k", "sealed", MINUTE, false);
    expect(await tables(object)).toEqual([]);
  });

  it("answers with what is stale and lets nobody use what is over", async () => {
    const object = shard();
    await object.post("old", "sealed", { staleMs: -1, keptMs: 60_000 }, true);
    await object.post("gone", "sealed", { staleMs: -1, keptMs: -1 }, true);
    await evictDurableObject(object);
    expect(await object.ask("old", WANT)).toMatchObject({ kind: "lead", known: "sealed" });
    expect(await object.ask("gone", LOOK)).toEqual({ kind: "alone" });
    expect(await object.ask("gone", WANT)).toMatchObject({ kind: "lead", known: null });
  });

  it("says to the first who finds a result that nobody has it yet", async () => {
    const object = shard();
    await object.post("k", "sealed", MINUTE, false);
    expect(await object.ask("k", LOOK)).toMatchObject({ isFirst: true });
    expect(await object.ask("k", LOOK)).toMatchObject({ isFirst: false });
  });

  it("lets those who want the same result wait for the one who asks", async () => {
    const object = shard();
    const first = await object.ask("k", WANT);
    const second = await object.ask("k", WANT);
    if (first.kind !== "lead" || second.kind !== "wait") throw new Error("nobody leads");
    const waiting = object.wait("k", second.ticket);
    expect(await object.post("k", "sealed", MINUTE, false)).toBe(1);
    expect(await waiting).toMatchObject({ kind: "found", sealed: "sealed" });
    expect(await object.ask("k", WANT)).toMatchObject({ kind: "found", isFirst: false });
  });

  it("tells those who wait how it failed, and nobody later", async () => {
    const object = shard();
    await object.ask("k", WANT);
    const second = await object.ask("k", WANT);
    if (second.kind !== "wait") throw new Error("nobody leads");
    const waiting = object.wait("k", second.ticket);
    await object.post("k", "failure", null, true);
    expect(await waiting).toMatchObject({ sealed: "failure" });
    expect(await object.ask("k", LOOK)).toEqual({ kind: "alone" });
  });

  it("sweeps by alarm what nobody may use any more, and goes when nothing is left", async () => {
    const object = shard();
    await object.post("gone", "sealed", { staleMs: -1, keptMs: -1 }, true);
    await object.post("kept", "sealed", MINUTE, true);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    const rows = (): Promise<number> =>
      runInDurableObject(
        object,
        (_, { storage }) => storage.sql.exec("SELECT * FROM result").toArray().length,
      );
    expect(await rows()).toBe(1);
    await object.post("kept", "sealed", { staleMs: -1, keptMs: -1 }, true);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await tables(object)).toEqual([]);
    expect(await runDurableObjectAlarm(object)).toBe(false);
  });

  it("counts invalidations by scope, through an eviction, and leaves no file before the first", async () => {
    const object = shard();
    expect(await object.generations()).toEqual({ count: 0, scopes: {} });
    expect(await tables(object)).toEqual([]);
    await object.invalidate(["tag:a", "tag:b"]);
    await object.invalidate(["tag:a"]);
    await evictDurableObject(object);
    expect(await object.generations()).toEqual({ count: 2, scopes: { "tag:a": 2, "tag:b": 1 } });
  });

  it("invalidates everything when more scopes than it counts apart were invalidated", async () => {
    const object = shard();
    const scopes = Array.from({ length: MAX_SCOPES }, (_, n) => `tag:${n}`);
    await object.invalidate(scopes.slice(1));
    expect(Object.keys((await object.generations()).scopes)).toHaveLength(MAX_SCOPES - 1);
    await object.invalidate(["tag:one", "tag:more"]);
    expect(await object.generations()).toEqual({ count: 2, scopes: { all: 1 } });
  });

  it("counts what it erases, and answers afterwards like one that never was", async () => {
    const object = shard();
    expect(await object.erase()).toBe(0);
    await object.post("k", "sealed", MINUTE, true);
    expect(await object.erase()).toBe(1);
    expect(await object.ask("k", LOOK)).toEqual({ kind: "alone" });
    await object.post("k", "sealed", MINUTE, true);
    expect(await object.ask("k", LOOK)).toMatchObject({ kind: "found" });
  });
});
