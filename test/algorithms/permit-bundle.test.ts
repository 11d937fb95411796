import { describe, expect, it } from "vitest";

import { PermitBundle } from "../../src/algorithms/permit-bundle.ts";

describe("PermitBundle", () => {
  it("is worth asking for from six starts in the life of a lease", () => {
    const bundle = new PermitBundle();
    for (let n = 0; n < 5; n += 1) bundle.note(0);
    expect(bundle.isDue(1000, 0)).toBe(false);
    bundle.note(0);
    expect(bundle.isDue(1000, 0)).toBe(true);
  });

  it("starts as many runs as were lent, from when it was asked for until its time is over", () => {
    const bundle = new PermitBundle();
    bundle.accept(2, false, 100, 1000, 150);
    expect(bundle.hasRoom(99)).toBe(false);
    expect(bundle.hasRoom(100)).toBe(true);
    expect(bundle.hasRoom(1099)).toBe(true);
    expect(bundle.hasRoom(1100)).toBe(false);
    const first = bundle.take(5000);
    bundle.take(400);
    expect(bundle.hasRoom(399)).toBe(false);
    // The second has ended by itself.
    expect(bundle.hasRoom(400)).toBe(true);
    bundle.giveBack(first);
    expect(bundle.isEmpty(400)).toBe(false);
    expect(bundle.wish(true, 400)).toEqual({ keep: 0, wants: 0 });
    expect(bundle.isEmpty(400)).toBe(true);
  });

  it("goes on without the gate for half the longest life of a run, with what was lent", () => {
    const bundle = new PermitBundle();
    expect(bundle.hasShare(1000, 0)).toBe(false);
    bundle.accept(1, false, 100, 1000, 150);
    expect([bundle.hasRoom(1100), bundle.hasShare(1000, 1100)]).toEqual([false, true]);
    expect([bundle.hasShare(1000, 1599), bundle.hasShare(1000, 1600)]).toEqual([true, false]);
    bundle.take(2500);
    expect(bundle.hasShare(1000, 1599)).toBe(false);
  });

  it("uses no more than it said it would keep until the answer is there", () => {
    const bundle = new PermitBundle();
    bundle.accept(50, false, 0, 1000, 0);
    bundle.take(5000);
    // A quarter more than the most at once, and four.
    expect(bundle.wish(false, 10)).toEqual({ keep: 6, wants: 6 });
    for (let n = 0; n < 5; n += 1) bundle.take(5000);
    expect(bundle.hasRoom(20)).toBe(false);
  });

  it("leaves a limit alone that is decided one by one, for two seconds", () => {
    const bundle = new PermitBundle();
    bundle.accept(0, true, 0, 1000, 0);
    for (let n = 0; n < 60; n += 1) bundle.note(1999);
    expect(bundle.isDue(1000, 1999)).toBe(false);
    expect(bundle.isDue(1000, 2000)).toBe(true);
  });

  it("asks again from half of its life on, or when all are in use and more are wanted", () => {
    const bundle = new PermitBundle();
    for (let n = 0; n < 20; n += 1) bundle.note(400);
    bundle.accept(2, false, 0, 1000, 0);
    bundle.take(9000);
    expect([bundle.isDue(1000, 499), bundle.isDue(1000, 500)]).toEqual([false, true]);
    bundle.take(9000);
    expect(bundle.isDue(1000, 400)).toBe(true);
    bundle.accept(7, false, 0, 1000, 0);
    expect(bundle.isDue(1000, 400)).toBe(false);
  });

  it("is not worth asking for once starts have become rare", () => {
    const bundle = new PermitBundle();
    for (let n = 0; n < 6; n += 1) bundle.note(0);
    expect([bundle.isDue(1000, 0), bundle.isDue(1000, 100)]).toEqual([true, false]);
    for (let n = 0; n < 10; n += 1) bundle.note(200);
    expect([bundle.isDue(1000, 1000), bundle.isDue(1000, 1200)]).toEqual([true, false]);
  });

  it("forgets the most that ran at once little by little, at once when nothing runs", () => {
    const bundle = new PermitBundle();
    bundle.accept(50, false, 0, 9000, 0);
    const permits = Array.from({ length: 10 }, () => bundle.take(99_000));
    for (const permit of permits) bundle.giveBack(permit);
    expect(bundle.hasSpare(1)).toBe(true);
    expect(bundle.wish(false, 1)).toEqual({ keep: 17, wants: 17 });
    expect(bundle.wish(false, 2)).toEqual({ keep: 14, wants: 14 });
    expect(bundle.wish(true, 3)).toEqual({ keep: 0, wants: 0 });
    expect([bundle.hasSpare(3), bundle.isEmpty(3)]).toEqual([false, true]);
    expect(bundle.wish(false, 4)).toEqual({ keep: 0, wants: 4 });
  });

  it("wants four before anything ran", () => {
    expect(new PermitBundle().wish(false, 0)).toEqual({ keep: 0, wants: 4 });
  });

  it("keeps what runs, whatever it wants", () => {
    const bundle = new PermitBundle();
    bundle.accept(3, false, 0, 1000, 0);
    for (let n = 0; n < 3; n += 1) bundle.take(5000);
    bundle.accept(1, false, 0, 1000, 0);
    expect(bundle.wish(true, 10)).toEqual({ keep: 3, wants: 3 });
    expect(bundle.isEmpty(10)).toBe(false);
    expect(bundle.hasSpare(10)).toBe(false);
    expect(bundle.hasSpare(5000)).toBe(true);
  });
});
