/** Conversation: a document and who answers for its calls, through evictions, expiry and two askers at once. */

import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

const DAY_MS = 86_400_000;

function conversation(name: string) {
  return env.CONVERSATION.getByName(name);
}

describe("Conversation as a document", () => {
  it("keeps what is larger than a row, through an eviction, and replaces it whole", async () => {
    const object = conversation("large");
    const large = "x".repeat(2_500_000);
    await object.save(large, DAY_MS);
    await evictDurableObject(object);
    expect(await object.load()).toBe(large);
    await object.save("small", DAY_MS);
    expect(await object.load()).toBe("small");
  });

  it("forgets when its time is over, at the latest with its alarm", async () => {
    const object = conversation("expiring");
    await object.save("short", 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await object.load()).toBeNull();
    await object.save("long", DAY_MS);
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await object.load()).toBeNull();
    await runInDurableObject(object, (_, { storage: { sql } }) => {
      const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'document'").toArray();
      expect(tables).toEqual([]);
    });
  });

  it("is erased once, and leaves no file when it is only asked for", async () => {
    const object = conversation("erased");
    expect(await object.load()).toBeNull();
    expect(await object.erase()).toBe(false);
    await object.save("here", DAY_MS);
    expect(await object.erase()).toBe(true);
    expect(await object.erase()).toBe(false);
    expect(await object.load()).toBeNull();
  });
});

describe("Conversation as a held turn", () => {
  it("gives a call to the first run that asks, for ever", async () => {
    const object = conversation("claims");
    await object.hold("turn", DAY_MS, ["a", "b"]);
    const tries = ["run-1", "run-2", "run-3"].map((run) => object.claim(["a"], run));
    expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    await evictDurableObject(object);
    expect(await object.claim(["a"], "run-4")).toBe(false);
    expect((await object.held())?.calls).toMatchObject([
      { id: "a", owner: "run-1", content: null },
      { id: "b", owner: null, claimedAtMs: null },
    ]);
    expect(await object.claim(["a"], "run-1")).toBe(true);
  });

  it("takes all of several calls or none", async () => {
    const object = conversation("all");
    await object.hold("turn", DAY_MS, ["a", "b"]);
    expect(await object.claim(["a"], "run-1")).toBe(true);
    expect(await object.claim(["b", "a"], "run-2")).toBe(false);
    expect(await object.claim(["b", "unknown"], "run-2")).toBe(false);
    expect(await object.claim(["b"], "run-3")).toBe(true);
  });

  it("keeps the first content of each call, whatever its size", async () => {
    const object = conversation("contents");
    await object.hold("turn", DAY_MS, ["a", "b"]);
    const large = "y".repeat(1_500_000);
    await object.settle([{ id: "a", sealed: large }]);
    await object.settle([
      { id: "a", sealed: "again" },
      { id: "b", sealed: "other" },
    ]);
    await evictDurableObject(object);
    const calls = (await object.held())?.calls ?? [];
    expect(calls.map(({ content }) => content?.length)).toEqual([large.length, 5]);
  });

  it("stays as it is when the same turn is held again", async () => {
    const object = conversation("twice");
    await object.hold("turn", DAY_MS, ["a"]);
    await object.claim(["a"], "run-1");
    await object.hold("another", DAY_MS, ["a"]);
    expect(await object.held()).toMatchObject({ sealed: "turn", calls: [{ owner: "run-1" }] });
  });

  it("is nothing to claim once its time is over", async () => {
    const object = conversation("late");
    await object.hold("turn", 1, ["a"]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await object.claim(["a"], "run-1")).toBe(false);
    expect(await object.settle([{ id: "a", sealed: "x" }])).toBeNull();
    expect(await object.held()).toBeNull();
  });
});
