import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { turnStore } from "../../src/assembly/turn-store.ts";
import { newCaller } from "../support/run-fixture.ts";

const TURN = {
  calls: [{ id: "c1", name: "weather", argumentsJson: "{}", clientId: null }],
  results: { c1: '{"secret_result":"canary-turn"}' },
};

async function newStore() {
  const { snapshot } = await newCaller();
  const stub = env.RUN_JOURNAL.getByName(`${snapshot.tenantId}/turn/t1`);
  return { snapshot, stub, store: turnStore(env, { snapshot }) };
}

describe("turnStore", () => {
  it("gives back what was saved, also after the object is evicted", async () => {
    const { store, stub } = await newStore();
    await store.save("t1", TURN);
    await evictDurableObject(stub);
    expect(await store.load("t1")).toEqual(TURN);
  });

  it("holds no readable byte of a turn", async () => {
    const { store, stub } = await newStore();
    await store.save("t1", TURN);
    const rows = await runInDurableObject(stub, (_, state) =>
      JSON.stringify(state.storage.sql.exec("SELECT * FROM turn").toArray()),
    );
    expect(rows).toContain("sealed");
    expect(rows).not.toContain("canary-turn");
  });

  it("finds nothing unknown, of another tenant, moved, or expired", async () => {
    const { snapshot, store, stub } = await newStore();
    await store.save("t1", TURN);
    expect(await store.load("t2")).toBeNull();

    const other = await newCaller();
    expect(await turnStore(env, other).load("t1")).toBeNull();

    const sealed = await stub.loadTurn();
    const moved = env.RUN_JOURNAL.getByName(`${snapshot.tenantId}/turn/t3`);
    await moved.saveTurn(sealed ?? "", 60_000);
    expect(await store.load("t3")).toBeNull();

    await runInDurableObject(stub, (_, state) => {
      state.storage.sql.exec("UPDATE turn SET expires_at_ms = 0");
    });
    expect(await store.load("t1")).toBeNull();
  });

  it("keeps a turn larger than a row of the platform's storage, in rows that are not", async () => {
    const { store, stub } = await newStore();
    const large = { ...TURN, results: { c1: "x".repeat(3 * 1024 * 1024) } };
    await store.save("t1", large);
    await evictDurableObject(stub);
    expect(await store.load("t1")).toEqual(large);
    const longest = await runInDurableObject(stub, (_, state) =>
      state.storage.sql
        .exec(
          "SELECT MAX(LENGTH(sealed)) AS n FROM (SELECT sealed FROM turn UNION ALL SELECT sealed FROM record)",
        )
        .one(),
    );
    expect(Number(longest["n"])).toBeLessThan(2_000_000);
    await store.save("t1", TURN);
    expect(await store.load("t1")).toEqual(TURN);
  });

  it("leaves nothing behind when its retention is over", async () => {
    const { store, stub } = await newStore();
    await store.save("t1", TURN);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await store.load("t1")).toBeNull();
  });

  it("keeps a turn that holds ids only for longer than one with results", async () => {
    const { store, stub } = await newStore();
    const expiry = () =>
      runInDurableObject(stub, (_, state) =>
        Number(state.storage.sql.exec("SELECT expires_at_ms FROM turn").one()["expires_at_ms"]),
      );
    await store.save("t1", TURN);
    const mixed = await expiry();
    const own = { ...TURN.calls[0], id: "c2", name: "", argumentsJson: "", clientId: "call_gw_0" };
    await store.save("t1", { calls: [own], results: {} });
    expect((await expiry()) - mixed).toBeGreaterThan(24 * 60 * 60 * 1000);
  });

  it("does not open a value that is not one of its own", async () => {
    const { snapshot, store } = await newStore();
    const stub = env.RUN_JOURNAL.getByName(`${snapshot.tenantId}/turn/t9`);
    await stub.saveTurn("not a sealed value", 60_000);
    expect(await store.load("t9")).toBeNull();
  });
});
