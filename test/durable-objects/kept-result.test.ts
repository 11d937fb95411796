import { env } from "cloudflare:workers";
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";

const DAY_MS = 86_400_000;
let objects = 0;

function kept() {
  return env.KEPT_RESULT.getByName(`kept ${(objects += 1)}`);
}

/** `length` bytes that no two rows have alike. */
function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) % 251);
}

describe("KeptResult", () => {
  it.each([0, 1, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, 5_000_000])(
    "gives %i bytes back after it was evicted",
    async (length) => {
      const object = kept();
      await object.keep(bytes(length), DAY_MS);
      await evictDurableObject(object);
      expect(await object.read()).toEqual(bytes(length));
    },
  );

  it("keeps no row above a mebibyte, below the platform's 2 MB", async () => {
    const object = kept();
    await object.keep(bytes(3_000_000), DAY_MS);
    const longest = await runInDurableObject(object, (_, { storage }) =>
      storage.sql.exec<{ most: number }>("SELECT max(length(sealed)) AS most FROM piece").one(),
    );
    expect(longest.most).toBe(1024 * 1024);
  });

  it("knows nothing before anything is kept, and leaves no table by being asked", async () => {
    const object = kept();
    expect(await object.read()).toBeNull();
    const tables = await runInDurableObject(object, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'piece'").toArray(),
    );
    expect(tables).toEqual([]);
  });

  it("replaces what was kept under the same handle", async () => {
    const object = kept();
    await object.keep(bytes(2_000_000), DAY_MS);
    await object.keep(bytes(10), DAY_MS);
    expect(await object.read()).toEqual(bytes(10));
  });

  it("is silent once its time is over, and its alarm takes everything away", async () => {
    const object = kept();
    await object.keep(bytes(2_000_000), 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await object.read()).toBeNull();
    const later = kept();
    await later.keep(bytes(10), DAY_MS);
    expect(await runDurableObjectAlarm(later)).toBe(true);
    expect(await later.read()).toBeNull();
    const left = await runInDurableObject(later, (_, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name IN ('piece', 'kept')").toArray(),
    );
    expect(left).toEqual([]);
  });
});
