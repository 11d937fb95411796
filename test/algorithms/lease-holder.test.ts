import { describe, expect, it } from "vitest";

import { LeaseHolder, MAX_HELD_LIMITS } from "../../src/algorithms/lease-holder.ts";

interface Terms {
  readonly limit: number;
}

const LIFE = { permitTtlMs: 60_000, ttlMs: 500 };
const TERMS: Terms = { limit: 100 };

function holder() {
  return new LeaseHolder<Terms>(({ limit }) => String(limit));
}

function draw(id: string, cost = 1, limit = TERMS) {
  return { id, limit, cost };
}

function tokens(id: string, lent: number, more: { waitMs?: number; isExact?: boolean } = {}) {
  const { waitMs = 0, isExact = false } = more;
  return { id, tokens: lent, ttlMs: 500, waitMs, isExact, remaining: 50, resetMs: 1000 };
}

/** A holder that was lent so many tokens of each limit and permits of `runs`, at time 0, for half a second. */
function lentHolder(rates: Record<string, number>, permits: Record<string, number> = {}) {
  const held = holder();
  const ids = Object.keys(rates);
  const limits = Object.keys(permits).map((id) => ({ id, max: 100 }));
  // Twenty requests in no time are worth a lease.
  for (let n = 0; n < 20; n += 1) {
    held.draw(
      ids.map((id) => draw(id)),
      limits,
      LIFE,
      0,
    );
  }
  expect(held.isDue).toBe(true);
  const question = held.ask(500, 0);
  held.accept(
    question,
    {
      rates: ids.map((id) => tokens(id, rates[id] ?? 0)),
      permits: limits.map(({ id }) => ({ id, lent: permits[id] ?? 0, isExact: false })),
    },
    0,
    10,
  );
  return held;
}

describe("a holder of leases", () => {
  it("knows nothing before it was lent anything", () => {
    expect(holder().draw([draw("a")], [], LIFE, 0)).toEqual({ kind: "unknown" });
    const nothing = { isKnown: false, remaining: 0, resetMs: 0, sinceMs: 0 };
    expect(holder().known("a", 5)).toEqual(nothing);
  });

  it("spends exactly what was lent, without asking", () => {
    const held = lentHolder({ a: 3 });
    for (let n = 0; n < 3; n += 1) {
      expect(held.draw([draw("a")], [], LIFE, 20)).toMatchObject({ kind: "passed" });
    }
    expect(held.draw([draw("a")], [], LIFE, 20)).toEqual({ kind: "unknown" });
  });

  it("spends nothing of any limit when one of them is not held", () => {
    const held = lentHolder({ a: 2, b: 1 });
    expect(held.draw([draw("a"), draw("b")], [], LIFE, 20)).toMatchObject({ kind: "passed" });
    for (let n = 0; n < 5; n += 1) {
      expect(held.draw([draw("a"), draw("b")], [], LIFE, 20)).toEqual({ kind: "unknown" });
    }
    expect(held.known("a", 20).remaining).toBe(51);
  });

  it("spends nothing after a lease has ended, by a clock that went on or jumped back", () => {
    expect(lentHolder({ a: 9 }).draw([draw("a")], [], LIFE, 500)).toEqual({ kind: "unknown" });
    const held = holder();
    for (let n = 0; n < 20; n += 1) held.draw([draw("a")], [], LIFE, 5000);
    held.accept(held.ask(500, 5000), { rates: [tokens("a", 9)], permits: [] }, 5000, 5010);
    expect(held.draw([draw("a")], [], LIFE, 4000)).toEqual({ kind: "unknown" });
    expect(held.draw([draw("a")], [], LIFE, 5020)).toMatchObject({ kind: "passed" });
  });

  it("starts from nothing under other terms", () => {
    const held = lentHolder({ a: 9 });
    expect(held.draw([draw("a", 1, { limit: 5 })], [], LIFE, 20)).toEqual({ kind: "unknown" });
  });

  it("refuses by itself once a lease that was cut short is spent, until the gate has more", () => {
    const held = lentHolder({ a: 9 });
    const question = held.ask(500, 20);
    held.accept(question, { rates: [tokens("a", 0, { waitMs: 200 })], permits: [] }, 20, 30);
    for (let n = 0; n < 9; n += 1) held.draw([draw("a")], [], LIFE, 40);
    expect(held.draw([draw("a")], [], LIFE, 100)).toEqual({
      kind: "refused",
      limit: "a",
      waitMs: 130,
    });
    expect(held.draw([draw("a")], [], LIFE, 230)).toEqual({ kind: "unknown" });
  });

  it("repeats a refusal for requests as large, not for smaller ones, and not for ever", () => {
    const held = holder();
    expect(held.refused(draw("a", 10), 60_000, 250, 0)).toBe(60_000);
    expect(held.draw([draw("a", 10)], [], LIFE, 1)).toEqual({
      kind: "refused",
      limit: "a",
      waitMs: 59_999,
    });
    expect(held.draw([draw("a", 9)], [], LIFE, 1)).toEqual({ kind: "unknown" });
    expect(held.draw([draw("a", 10)], [], LIFE, 2000)).toEqual({ kind: "unknown" });
  });

  it("takes no answer but that to its latest question", () => {
    const held = holder();
    for (let n = 0; n < 20; n += 1) held.draw([draw("a")], [], LIFE, 0);
    const first = held.ask(500, 0);
    held.ask(500, 5);
    held.accept(first, { rates: [tokens("a", 9)], permits: [] }, 0, 10);
    expect(held.draw([draw("a")], [], LIFE, 20)).toEqual({ kind: "unknown" });
  });

  it("asks again after half of the life or half of the tokens, not for an idle or an exact limit", () => {
    const asks = (held: LeaseHolder<Terms>, nowMs: number) => {
      for (let n = 0; n < 10; n += 1) held.draw([draw("a")], [], LIFE, nowMs);
      return held.isDue;
    };
    expect(asks(lentHolder({ a: 100 }), 100)).toBe(false);
    expect(asks(lentHolder({ a: 100 }), 250)).toBe(true);
    expect(asks(lentHolder({ a: 18 }), 100)).toBe(true);
    const idle = lentHolder({ a: 1 });
    idle.draw([draw("a")], [], LIFE, 60_000);
    expect(idle.isDue).toBe(false);
    const exact = lentHolder({ a: 1 });
    const answer = { rates: [tokens("a", 0, { isExact: true })], permits: [] };
    exact.accept(exact.ask(500, 20), answer, 20, 30);
    expect(asks(exact, 100)).toBe(false);
  });

  it("goes on at its last share while the gate is away, and owes what it took", () => {
    const held = lentHolder({ a: 50 });
    expect(held.drawShare([draw("a")], [], 1000, 10)).toBeNull();
    let passed = 0;
    for (let nowMs = 10; nowMs <= 2010; nowMs += 1) {
      if (held.drawShare([draw("a")], [], 1000, nowMs) !== null) passed += 1;
    }
    // 50 tokens every 500 ms, less what rounding keeps back.
    expect(passed).toBeGreaterThan(197);
    expect(passed).toBeLessThanOrEqual(200);
    expect(held.isDue).toBe(false);
    held.draw([draw("a")], [], LIFE, 2010);
    expect(held.isDue).toBe(true);
    const question = held.ask(500, 2010);
    expect(question.rates).toMatchObject([{ id: "a", owed: passed }]);
    held.accept(question, { rates: [tokens("a", 0)], permits: [] }, 2010, 2020);
    expect(held.ask(500, 5000).rates).toEqual([]);
  });

  it("gives back what it does not use, once, and never while it is used", () => {
    const held = lentHolder({ a: 50 });
    held.draw([draw("a")], [], LIFE, 20);
    held.giveUpIdle(269);
    expect(held.holdsTokens(269)).toBe(true);
    held.giveUpIdle(270);
    expect([held.holdsTokens(280), held.isDue]).toEqual([false, true]);
    expect(held.draw([draw("a")], [], LIFE, 281)).toEqual({ kind: "unknown" });
    expect(held.ask(500, 282).rates).toMatchObject([{ left: 0, owed: -49 }]);
    expect(held.ask(500, 900).rates).toEqual([]);
  });

  it("tells once what was taken too much, and again what is owed until that was heard", () => {
    const held = holder();
    held.owe(draw("a", -30), 0);
    expect(held.isDue).toBe(true);
    expect(held.ask(500, 0).rates).toMatchObject([{ owed: -30 }]);
    expect(held.ask(500, 300).rates).toEqual([]);
    held.owe(draw("a", 20), 600);
    const lost = held.ask(500, 600);
    expect(lost.rates).toMatchObject([{ owed: 20, wants: 0 }]);
    const heard = held.ask(500, 900);
    expect(heard.rates).toMatchObject([{ owed: 20 }]);
    held.accept(heard, { rates: [tokens("a", 0)], permits: [] }, 900, 910);
    expect(held.ask(500, 1200).rates).toEqual([]);
  });

  it("asks for permits of so many limits and no more", () => {
    const held = holder();
    for (let n = 0; n < MAX_HELD_LIMITS + 2; n += 1)
      held.draw([], [{ id: `runs ${n}`, max: 100 }], LIFE, 0);
    expect(held.ask(500, 0).permits).toHaveLength(MAX_HELD_LIMITS);
  });

  it("forgets the limit used longest ago beyond its bound", () => {
    const held = holder();
    held.refused(draw("first"), 60_000, 250, 0);
    for (let n = 1; n < MAX_HELD_LIMITS; n += 1) held.draw([draw(`other ${n}`)], [], LIFE, 0);
    expect(held.draw([draw("first")], [], LIFE, 1)).toMatchObject({ kind: "refused" });
    for (let n = 0; n < MAX_HELD_LIMITS; n += 1) held.draw([draw(`other ${n}`)], [], LIFE, 0);
    expect(held.draw([draw("first")], [], LIFE, 1)).toEqual({ kind: "unknown" });
  });
});

describe("permits lent to a holder", () => {
  const runs = [{ id: "runs", max: 100 }];

  it("let so many runs start at once, and another when one has ended or outlived its time", () => {
    const held = lentHolder({}, { runs: 2 });
    const first = held.draw([], runs, LIFE, 20);
    held.draw([], runs, { ...LIFE, permitTtlMs: 100 }, 20);
    expect(held.draw([], runs, LIFE, 30)).toEqual({ kind: "unknown" });
    if (first.kind !== "passed") throw new Error("not passed");
    first.giveBack();
    first.giveBack();
    expect(held.draw([], runs, LIFE, 30)).toMatchObject({ kind: "passed" });
    expect(held.draw([], runs, LIFE, 119)).toEqual({ kind: "unknown" });
    expect(held.draw([], runs, LIFE, 120)).toMatchObject({ kind: "passed" });
  });

  it("are given up before the question that says so is sent, and never those in use", () => {
    const held = lentHolder({}, { runs: 50 });
    for (let n = 0; n < 3; n += 1) held.draw([], runs, LIFE, 20);
    expect([held.holdsPermits(20), holder().holdsPermits(20)]).toEqual([true, false]);
    expect(held.hasIdlePermits(500)).toBe(false);
    expect(held.hasIdlePermits(1020)).toBe(true);
    const question = held.ask(500, 1020);
    expect(question.permits).toEqual([{ id: "runs", max: 100, keep: 3, wants: 3 }]);
    expect(held.draw([], runs, LIFE, 1021)).toEqual({ kind: "unknown" });
  });

  it("keep what is wanted while the answer is on its way", () => {
    const held = lentHolder({}, { runs: 10 });
    for (let n = 0; n < 4; n += 1) held.draw([], runs, LIFE, 20);
    const [wish] = held.ask(500, 30).permits;
    expect(wish).toMatchObject({ keep: 9, wants: 9 });
    for (let n = 0; n < 5; n += 1) {
      expect(held.draw([], runs, LIFE, 40)).toMatchObject({ kind: "passed" });
    }
    expect(held.draw([], runs, LIFE, 40)).toEqual({ kind: "unknown" });
  });
});
