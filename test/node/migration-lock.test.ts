/** The lock must notice every way of rewriting the past, and must let a list grow. */

import { describe, expect, it } from "vitest";

import { lockFaults, lockOf, unlocked } from "../../scripts/migration-lock.ts";

const FIRST = lockOf("001_a", "CREATE TABLE a (id TEXT)");
const SECOND = lockOf("002_b", "CREATE TABLE b (id TEXT)");
const LOCK = { tenant: [FIRST, SECOND] };

describe("lockFaults", () => {
  it("accepts the same list, other white space, and a longer list", () => {
    expect(lockFaults(LOCK, LOCK)).toEqual([]);
    expect(
      lockFaults(LOCK, { tenant: [lockOf("001_a", "CREATE  TABLE a\n (id TEXT)"), SECOND] }),
    ).toEqual([]);
    expect(
      lockFaults(LOCK, { tenant: [FIRST, SECOND, lockOf("003_c", "x")], other: [FIRST] }),
    ).toEqual([]);
  });

  it("refuses an edited, renamed, reordered or removed migration, and a removed object", () => {
    expect(
      lockFaults(LOCK, { tenant: [lockOf("001_a", "CREATE TABLE a (id INTEGER)"), SECOND] }),
    ).toEqual(["tenant: migration 001_a was edited; append a new one"]);
    expect(lockFaults(LOCK, { tenant: [{ ...FIRST, id: "001_z" }, SECOND] })).toEqual([
      "tenant: migration 1 was 001_a and is now 001_z",
    ]);
    expect(lockFaults(LOCK, { tenant: [SECOND, FIRST] })).toHaveLength(2);
    expect(lockFaults(LOCK, { tenant: [FIRST] })).toEqual([
      "tenant: migration 2 was 002_b and is now gone",
    ]);
    expect(lockFaults(LOCK, {})).toHaveLength(2);
  });
});

describe("unlocked", () => {
  it("names what the lock does not know yet", () => {
    expect(
      unlocked(LOCK, { tenant: [FIRST, SECOND, lockOf("003_c", "x")], gate: [FIRST] }),
    ).toEqual(["tenant/003_c", "gate/001_a"]);
    expect(unlocked(LOCK, LOCK)).toEqual([]);
  });
});
