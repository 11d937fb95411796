import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { keptResults } from "../../src/assembly/kept-results.ts";
import { runContext } from "../../src/assembly/run-context.ts";
import { toolContext } from "../../src/assembly/tool-ports.ts";
import { newCaller } from "../support/run-fixture.ts";

const HANDLE = "res_AAAAAAAAAAAAAAAAAAAAAA";
const OTHER = "res_BBBBBBBBBBBBBBBBBBBBBB";

/** JSON of about `length` bytes. */
function longJson(length: number): string {
  const item = { name: "canary-result", note: "é" };
  return JSON.stringify(
    Array.from({ length: Math.ceil(length / 40) }, (_, id) => ({ id, ...item })),
  );
}

async function newStore() {
  const caller = await newCaller();
  const { snapshot } = caller;
  const context = toolContext(runContext(caller, "run_1"));
  const stub = env.KEPT_RESULT.getByName(`${snapshot.tenantId}/result/${HANDLE}`);
  return { snapshot, context, stub, store: () => keptResults(env, context) };
}

describe("keptResults", () => {
  it.each([10, 4_096, 100_000, 5_000_000])(
    "gives %i bytes back to the run that kept them and to any later one",
    async (length) => {
      const { store } = await newStore();
      const first = store();
      const json = longJson(length);
      expect(await first.keep(HANDLE, json)).toBe(true);
      expect(await first.read(HANDLE)).toBe(json);
      expect(await store().read(HANDLE)).toBe(json);
    },
  );

  it("holds no readable byte, and a long value in a fraction of its length", async () => {
    const { store, stub } = await newStore();
    await store().keep(HANDLE, longJson(1_000_000));
    const rows = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec<{ sealed: ArrayBuffer }>("SELECT sealed FROM piece").toArray(),
    );
    const stored = rows.map(({ sealed }) => new TextDecoder("latin1").decode(sealed)).join("");
    expect(stored).not.toContain("canary-result");
    expect(stored.length).toBeLessThan(300_000);
  });

  it("finds nothing unknown, misspelt, of another tenant, or moved to another handle", async () => {
    const { snapshot, store, stub } = await newStore();
    await store().keep(HANDLE, "[1]");
    expect(await store().read(OTHER)).toBeNull();
    expect(await store().read("../run/run_1")).toBeNull();
    const { store: theirs } = await newStore();
    expect(await theirs().read(HANDLE)).toBeNull();
    const moved = env.KEPT_RESULT.getByName(`${snapshot.tenantId}/result/${OTHER}`);
    const sealed = await stub.read();
    await moved.keep(sealed ?? new Uint8Array(), 60_000);
    expect(await store().read(OTHER)).toBeNull();
  });

  it("keeps a value for as long as the policy says", async () => {
    const { context } = await newStore();
    const results = { ...context.results, keep_s: 1 };
    const short = keptResults(env, { ...context, results });
    await short.keep(HANDLE, longJson(200_000));
    expect(await short.read(HANDLE)).not.toBeNull();
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    expect(await short.read(HANDLE)).toBeNull();
  });

  it("says that a value could not be kept, instead of failing", async () => {
    const { context } = await newStore();
    const broken = keptResults(env, { ...context, dataKey: { key: "v0", iv: "", ct: "" } });
    expect(await broken.keep(HANDLE, "[1]")).toBe(false);
    expect(await broken.read(HANDLE)).toBeNull();
  });
});
