/** Permits on concurrency limits, and the rows they are written to. */

import { describe, expect, it } from "vitest";

import { PermitPool } from "../../../durable-objects/tenant-gate/permit-pool.ts";

describe("PermitPool", () => {
  const limit = { id: "c", max: 40 };

  it("never lets an old permit give back what a later one holds", () => {
    const pool = new PermitPool();
    const first = pool.hold([limit], 1000, () => "s");
    pool.release(first.permit);
    const second = pool.hold([limit], 2000, () => "unused");
    expect(second.permit.split(".")[0]).toBe("s");
    expect(second.write).toBeNull();
    pool.release(first.permit);
    expect(pool.held("c")).toBe(1);
    pool.release(second.permit);
    expect(pool.held("c")).toBe(0);
  });

  it("keeps at most a twentieth of a limit as free slots", () => {
    const pool = new PermitPool();
    const permits = Array.from({ length: 10 }, (_, n) => pool.hold([limit], 1000, () => `s${n}`));
    const deleted = permits.map(({ permit }) => pool.release(permit)).filter((id) => id !== null);
    expect(deleted).toHaveLength(8);
    expect(pool.held("c")).toBe(0);
  });

  it("writes a slot again when its row would end before the permit", () => {
    const pool = new PermitPool();
    pool.release(pool.hold([limit], 1000, () => "s").permit);
    const inTime = pool.hold([limit], 1000 + 30_000, () => "unused");
    expect(inTime.write).toBeNull();
    pool.release(inTime.permit);
    const late = pool.hold([limit], 1000 + 30_001, () => "unused");
    expect(late.write).toMatchObject({ id: "s", expiresAtMs: 1000 + 60_001 });
  });

  it("drops free slots with their row and forgets them for good", () => {
    const pool = new PermitPool();
    const two = [1, 2].map((n) => pool.hold([limit], 1000, () => `s${n}`));
    for (const { permit } of two) pool.release(permit);
    expect(pool.expire(30_999)).toEqual([]);
    expect(pool.expire(31_000).toSorted()).toEqual(["s1", "s2"]);
    expect(pool.hold([limit], 40_000, () => "new").permit).toBe("new.1");
  });

  it("takes a permit back after a restart, whatever its number", () => {
    const pool = new PermitPool();
    pool.load({ id: "s", limits: ["c", "k"], expiresAtMs: 5000 });
    expect([pool.held("c"), pool.held("k")]).toEqual([1, 1]);
    expect(pool.ends("c")).toEqual([5000]);
    expect(pool.release("s.17")).toBe("s");
    expect([pool.held("c"), pool.held("k")]).toEqual([0, 0]);
  });

  it("keeps one free slot of a limit of twenty, none of a smaller one, whose rows end with their permits", () => {
    for (const [max, isKept] of [
      [20, true],
      [19, false],
    ] as const) {
      const pool = new PermitPool();
      const { permit, write } = pool.hold([{ id: "c", max }], 1000, () => "s");
      expect(write?.expiresAtMs).toBe(isKept ? 31_000 : 1000);
      expect(pool.release(permit)).toBe(isKept ? null : "s");
      expect(pool.expire(999)).toEqual([]);
      expect(pool.expire(31_000)).toEqual(isKept ? ["s"] : []);
    }
  });

  it("uses the free slots that are left when one has gone with its row", () => {
    const pool = new PermitPool();
    const held = [1000, 2000].map((endsMs) => pool.hold([limit], endsMs, () => `s${endsMs}`));
    for (const { permit } of held) pool.release(permit);
    expect(pool.expire(31_500)).toEqual(["s1000"]);
    expect(pool.hold([limit], 31_600, () => "new")).toEqual({ permit: "s2000.2", write: null });
    expect(pool.hold([limit], 31_600, () => "new").permit).toBe("new.1");
  });

  it("uses every free slot, the one given back last first", () => {
    const pool = new PermitPool();
    const held = ["one", "two"].map((id) => pool.hold([limit], 1000, () => id));
    for (const { permit } of held) pool.release(permit);
    const again = [1, 2, 3].map(() => pool.hold([limit], 1000, () => "new").permit);
    expect(again).toEqual(["two.2", "one.2", "new.1"]);
  });

  it("ends each permit at its own time, and keeps a slot of several limits only while each has room for it", () => {
    const pool = new PermitPool();
    const both = [limit, { id: "key", max: 20 }];
    const held = [1000, 1500].map((endsMs) => pool.hold(both, endsMs, () => `s${endsMs}`));
    expect(pool.ends("key")).toEqual([1000, 1500]);
    expect(held.map(({ permit }) => pool.release(permit))).toEqual([null, "s1500"]);
    expect(pool.ends("key")).toEqual([]);
    const other = pool.hold([limit], 5000, () => "other");
    expect(other.permit).toBe("other.1");
    expect(pool.expire(4999)).toEqual([]);
    expect(pool.expire(5000)).toEqual(["other"]);
    expect(pool.release(other.permit)).toBeNull();
  });
});
