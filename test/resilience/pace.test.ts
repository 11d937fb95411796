/** The pace of attempts at a target that refuses some. Time is moved by hand. */

import { describe, expect, it } from "vitest";

import type { Backpressure } from "../../src/contract/backpressure.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { pacingOf, TargetPace } from "../../src/resilience/pace.ts";
import { HERE, run, scripted, world } from "../support/guard-scene.ts";

const ADAPTIVE: Backpressure = { strategy: "adaptive", max_queue: 3, max_wait_ms: 1_000 };
const LONG = 1_000_000;

/** A pace of ten a second: twelve were sent at once and one of them refused. */
async function tenPerSecond(clock: FakeClock): Promise<TargetPace> {
  const pace = new TargetPace(clock);
  for (let n = 0; n < 12; n += 1) await pace.enter(3, LONG, HERE);
  pace.ended("rate_limited", clock.now());
  expect(pace.perMs(clock.now())).toBeCloseTo(0.0102);
  // What may go at once is gone.
  expect(await pace.enter(3, LONG, HERE)).toBe(0);
  return pace;
}

describe("a pace", () => {
  it("lets everything go at once until something is refused", async () => {
    const clock = new FakeClock();
    const pace = new TargetPace(clock);
    for (let n = 0; n < 1_000; n += 1) expect(await pace.enter(0, LONG, HERE)).toBe(0);
    pace.ended("failed", clock.now());
    pace.ended("ok", clock.now());
    expect(await pace.enter(0, LONG, HERE)).toBe(0);
    expect([pace.waiting, clock.pending]).toEqual([0, 0]);
  });

  it("lets the others wait their turn, each as long as its rate says, no more of them than may", async () => {
    const clock = new FakeClock();
    const pace = await tenPerSecond(clock);
    const at: number[] = [];
    const startedMs = clock.now();
    const waiting = [0, 1, 2].map(async () => {
      expect(await pace.enter(3, LONG, HERE)).toBe(0);
      at.push(clock.now() - startedMs);
    });
    await clock.settle();
    expect(pace.waiting).toBe(3);
    expect(await pace.enter(3, LONG, HERE)).toBeGreaterThan(300);
    await clock.advance(1_000);
    await Promise.all(waiting);
    expect(at.map((ms) => Math.round(ms / 10))).toEqual([10, 20, 29]);
    expect([pace.waiting, clock.pending]).toEqual([0, 0]);
  });

  it("refuses at once who would not pass in time", async () => {
    const clock = new FakeClock();
    const pace = await tenPerSecond(clock);
    const refused = await pace.enter(3, clock.now() + 96, HERE);
    expect(Math.round(refused)).toBe(96);
    expect(clock.pending).toBe(0);
    const passed = pace.enter(3, clock.now() + 97, HERE);
    await clock.advance(97);
    expect(await passed).toBe(0);
  });

  it("lets a waiter go at once when its caller leaves, and that costs nobody anything", async () => {
    const clock = new FakeClock();
    const pace = await tenPerSecond(clock);
    const leaving = new AbortController();
    const first = pace.enter(3, LONG, leaving.signal);
    const startedMs = clock.now();
    const second = pace.enter(3, LONG, HERE).then((waitMs) => [waitMs, clock.now() - startedMs]);
    await clock.settle();
    leaving.abort();
    expect(await first).toBeGreaterThan(0);
    expect(pace.waiting).toBe(1);
    await clock.advance(1_000);
    const [waitMs = 1, tookMs = Infinity] = await second;
    expect(waitMs).toBe(0);
    expect(tookMs).toBeLessThanOrEqual(100);
  });

  it("forgets the place of an invocation that was torn down", async () => {
    const clock = new FakeClock();
    const pace = await tenPerSecond(clock);
    const torn = new FakeClock(clock.now());
    Object.assign(clock, { sleep: torn.sleep.bind(torn) });
    void pace.enter(3, clock.now() + 500, HERE);
    await clock.advance(501);
    expect([pace.waiting, await pace.enter(3, LONG, HERE), pace.waiting]).toEqual([1, 0, 0]);
  });

  it("is over after half a minute in which nobody waited and nothing was refused", async () => {
    const clock = new FakeClock();
    const pace = await tenPerSecond(clock);
    await clock.advance(30_000);
    pace.ended("ok", clock.now());
    expect(pace.perMs(clock.now())).toBeLessThan(1);
    await clock.advance(1);
    pace.ended("ok", clock.now());
    expect(pace.perMs(clock.now())).toBe(Infinity);
  });

  it("keeps to what the target says is left, until its reset, and spends nothing when nothing is left", async () => {
    const clock = new FakeClock();
    const pace = new TargetPace(clock);
    pace.told({ perMs: 0.05, forMs: 1_000, isSpent: false });
    expect(pace.perMs(clock.now())).toBe(0.05);
    pace.told({ perMs: 0, forMs: 400, isSpent: false });
    expect(await pace.enter(3, clock.now() + 399, HERE)).toBe(400);
    const later = pace.enter(3, clock.now() + 400, HERE);
    await clock.advance(400);
    expect([await later, pace.perMs(clock.now())]).toEqual([0, Infinity]);
  });

  it("falls when the target says that something else is spent, once a second", async () => {
    const clock = new FakeClock(10_000);
    const pace = await tenPerSecond(clock);
    const spent = { perMs: null, forMs: 0, isSpent: true };
    const before = pace.perMs(clock.now());
    await clock.advance(1_000);
    pace.told(spent);
    expect(pace.perMs(clock.now())).toBe(before);
    await clock.advance(1);
    pace.told(spent);
    const after = pace.perMs(clock.now());
    pace.told(spent);
    expect([after < before, pace.perMs(clock.now())]).toEqual([true, after]);
  });
});

describe("pacing under a guard", () => {
  it("is wanted by `adaptive` alone", () => {
    for (const strategy of ["fail_fast", "queue", "drop"] as const)
      expect(pacingOf("pace_0", { ...ADAPTIVE, strategy })).toBeNull();
    expect(pacingOf("pace_0", undefined)).toBeNull();
  });

  it("turns away with the time after which it is worth asking again, and sends nothing", async () => {
    const at = world();
    const pacing = pacingOf("pace_1", ADAPTIVE, at.clock);
    if (pacing === null) throw new Error("it is paced");
    pacing.told("a", { perMs: 0, forMs: 2_500, isSpent: false });
    const { asked, call } = scripted([{ status: 200 }], { crowd: pacing.enter(null) });
    const held = { cause: "rate_limited", retryAfterMs: 2_500, sent: false, kind: "held" };
    expect(await run(call, at)).toMatchObject({ ok: false, error: held });
    expect([asked, at.clock.pending]).toEqual([[], 0]);
    pacing.told("a", null);
    const other = scripted([{ status: 200 }], {
      crowd: pacing.enter(null),
      targets: [{ id: "a" }, { id: "b" }],
    });
    expect((await run(other.call, at)).ok).toBe(true);
    expect(other.asked).toEqual(["b"]);
  });

  it("gives its turn back when there is no place, and learns from what was refused", async () => {
    const at = world();
    const pacing = pacingOf("pace_2", ADAPTIVE, at.clock);
    if (pacing === null) throw new Error("it is paced");
    pacing.told("a", { perMs: 0.0009, forMs: 60_000, isSpent: false });
    const full = scripted([{ status: 200 }], { crowd: pacing.enter(() => Promise.resolve(null)) });
    expect(await run(full.call, at)).toMatchObject({ ok: false, error: { kind: "shed" } });
    const retry = { allowed: "never", maxAttempts: 1 } as const;
    const paced = { crowd: pacing.enter(null), retry };
    const refused = scripted([{ status: 429 }], paced);
    expect(await run(refused.call, at)).toMatchObject({ value: { status: 429 } });
    expect(refused.asked).toEqual(["a"]);
    const next = scripted([{ status: 200 }], paced);
    const held = { kind: "held", cause: "rate_limited" };
    expect(await run(next.call, at)).toMatchObject({ ok: false, error: held });
  });
});
