/** The doorkeeper never forgets a name before its time, seldom mistakes a new one, and starts anew when it is full. */

import { array, assert, property, string } from "fast-check";
import { describe, expect, it } from "vitest";

import { Doorkeeper } from "../../src/algorithms/doorkeeper.ts";

describe("Doorkeeper", () => {
  it("knows every name it has seen", () => {
    assert(
      property(array(string(), { maxLength: 60 }), (names) => {
        const door = new Doorkeeper(1024);
        for (const name of names) door.admit(name);
        for (const name of names) expect(door.admit(name)).toBe(true);
      }),
      { seed: 5, numRuns: 200 },
    );
  });

  it("takes fewer than one new name in three hundred for a known one, also when it is nearly full", () => {
    const door = new Doorkeeper(8192);
    let mistaken = 0;
    for (let n = 0; n < 8000; n += 1) if (door.admit(`r1:ten_1:${n}`)) mistaken += 1;
    expect(mistaken).toBeLessThan(8000 / 300);
  });

  it("takes three new names in a thousand for known ones at most when it is nearly full", () => {
    let mistaken = 0;
    for (let trial = 0; trial < 10; trial += 1) {
      const door = new Doorkeeper(8192);
      for (let n = 0; n < 7000; n += 1) door.admit(`r1:ten_${trial}:${n}`);
      for (let n = 7000; n < 8000; n += 1) if (door.admit(`r1:ten_${trial}:${n}`)) mistaken += 1;
    }
    expect(mistaken).toBeLessThanOrEqual(30);
  });

  it("forgets all when it has seen as many as it can", () => {
    const door = new Doorkeeper(4);
    for (const name of ["a", "b", "c", "d"]) door.admit(name);
    expect(door.admit("a")).toBe(false);
  });

  it("forgets nothing before that", () => {
    const door = new Doorkeeper(4);
    for (const name of ["a", "b", "c"]) door.admit(name);
    expect(["a", "b", "c"].map((name) => door.admit(name))).toEqual([true, true, true]);
    door.admit("d");
    for (const name of ["e", "f", "g"]) door.admit(name);
    expect(door.admit("e")).toBe(true);
  });
});
