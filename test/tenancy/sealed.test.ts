import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import { toBase64Url } from "../../src/platform/encoding.ts";
import { keyring } from "../../src/tenancy/keyring.ts";
import {
  newDataKey,
  open,
  openDataKey,
  openSecret,
  seal,
  sealSecret,
} from "../../src/tenancy/sealed.ts";

const CANARY = "canary-secret-value";
const OTHER_KEY = toBase64Url(new Uint8Array(32).fill(7));

async function tenant(tenantId: string) {
  return { tenantId, dataKey: await newDataKey(env, tenantId) };
}

describe("keyring", () => {
  it("writes with the last key and reads with all", async () => {
    const ring = await keyring("hmac", `v1:${OTHER_KEY},v2:${OTHER_KEY}`);
    expect(ring.newest.version).toBe("v2");
    expect(ring.all.map((entry) => entry.version)).toEqual(["v1", "v2"]);
  });

  it("gives keys that cannot be exported", async () => {
    const { newest } = await keyring("aes", `v1:${OTHER_KEY}`);
    expect(newest.key.extractable).toBe(false);
  });

  it.each(["", "v1", "v1:", "v1:not base64!", "v1:c2hvcnQ", `x:${OTHER_KEY}`, `v1:${OTHER_KEY},`])(
    "throws on the ring %j without repeating it",
    async (text) => {
      await expect(keyring("hmac", text)).rejects.toThrow(/keyring entry is not/);
    },
  );
});

describe("seal", () => {
  it("opens with the same key and place only", async () => {
    const owner = await tenant("ten_a");
    const key = await openDataKey(env, owner.tenantId, owner.dataKey);
    const aad = ["tfe1", "ten_a", "box", "name"];
    const sealed = await seal(key, aad, CANARY);
    expect(await open(key, aad, sealed)).toBe(CANARY);
    for (const index of aad.keys()) {
      const swapped = aad.with(index, "other");
      expect(await open(key, swapped, sealed)).toBeNull();
    }
    expect(await open(key, ["tfe1", "ten_a", "boxname"], sealed)).toBeNull();
    expect(await open(key, ["tfe1", "ten_ab", "ox", "name"], sealed)).toBeNull();
  });

  it("never seals the same text to the same bytes", async () => {
    const owner = await tenant("ten_a");
    const key = await openDataKey(env, owner.tenantId, owner.dataKey);
    const first = await seal(key, ["a"], CANARY);
    const second = await seal(key, ["a"], CANARY);
    expect(first.iv).not.toBe(second.iv);
    expect(first.ct).not.toBe(second.ct);
  });

  it("refuses a changed byte, a foreign nonce and text that is no base64", async () => {
    const owner = await tenant("ten_a");
    const key = await openDataKey(env, owner.tenantId, owner.dataKey);
    const sealed = await seal(key, ["a"], CANARY);
    const flipped = (sealed.ct.startsWith("A") ? "B" : "A") + sealed.ct.slice(1);
    expect(await open(key, ["a"], { ...sealed, ct: flipped })).toBeNull();
    expect(await open(key, ["a"], { ...sealed, iv: "AAAA" })).toBeNull();
    expect(await open(key, ["a"], { ...sealed, ct: "!" })).toBeNull();
  });
});

describe("openDataKey", () => {
  it("refuses a wrapped key in another tenant's row", async () => {
    const a = await tenant("ten_a");
    await expect(openDataKey(env, "ten_b", a.dataKey)).rejects.toThrow("no master key opens");
  });

  it("still opens after a new master key was appended, and wraps with the new one", async () => {
    const before = await tenant("ten_a");
    const rotated = { MASTER_KEYS: `${env.MASTER_KEYS},v2:${OTHER_KEY}` };
    const sealed = await seal(await openDataKey(env, "ten_a", before.dataKey), ["x"], CANARY);
    const key = await openDataKey(rotated, "ten_a", before.dataKey);
    expect(await open(key, ["x"], sealed)).toBe(CANARY);
    expect((await newDataKey(rotated, "ten_a")).key).toBe("v2");
  });

  it("throws when the master key that wrapped it is gone", async () => {
    const owner = await tenant("ten_gone");
    const replaced = { MASTER_KEYS: `v9:${OTHER_KEY}` };
    await expect(openDataKey(replaced, "ten_gone", owner.dataKey)).rejects.toThrow(
      "no master key opens",
    );
  });
});

describe("openSecret", () => {
  const place = { name: "weather", version: 3 };

  it("opens the secret in its own row", async () => {
    const owner = await tenant("ten_a");
    const value = await sealSecret(env, owner, place, CANARY);
    const secret = { ...place, hosts: ["api.example.com"], value };
    expect(await openSecret(env, owner, secret)).toEqual({ ok: true, value: CANARY });
  });

  it.each([
    ["name", { name: "other", version: 3 }],
    ["version", { name: "weather", version: 4 }],
  ])("refuses the ciphertext under another %s", async (_part, moved) => {
    const owner = await tenant("ten_a");
    const value = await sealSecret(env, owner, place, CANARY);
    const opened = await openSecret(env, owner, { ...moved, hosts: [], value });
    expect(opened).toEqual({
      ok: false,
      error: { code: "secret_unavailable", secret: moved.name },
    });
  });

  it("refuses the ciphertext of one tenant in another's row", async () => {
    const a = await tenant("ten_a");
    const b = await tenant("ten_b");
    const value = await sealSecret(env, a, place, CANARY);
    const opened = await openSecret(env, b, { ...place, hosts: [], value });
    expect(opened.ok).toBe(false);
  });
});
