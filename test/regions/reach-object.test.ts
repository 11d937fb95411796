import { describe, expect, it } from "vitest";

import { reachObject } from "../../src/regions/reach-object.ts";

describe("reachObject", () => {
  it("hands on the answer", async () => {
    expect(await reachObject(async () => 7)).toEqual({ ok: true, value: 7 });
  });

  it.each([{ overloaded: true }, { retryable: true }])(
    "answers unavailable when the platform could not carry the call: %j",
    async (mark) => {
      const fault = Object.assign(new Error("platform"), mark);
      expect(await reachObject(() => Promise.reject(fault))).toEqual({
        ok: false,
        error: { code: "unavailable", retryAfterMs: 1000 },
      });
    },
  );

  it.each([
    new Error("bug"),
    Object.assign(new Error("bug"), { overloaded: false, retryable: false }),
    "no error at all",
  ])("lets a bug through: %s", async (bug) => {
    await expect(reachObject(() => Promise.reject(bug))).rejects.toBe(bug);
  });
});
