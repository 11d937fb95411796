/** Runs of several tenants in one isolate: who gets the places when there are too few. */

import { array, assert, asyncProperty, constantFrom, integer, option, record } from "fast-check";
import { describe, expect, it } from "vitest";

import { IsolateShare } from "../../../src/assembly/call-share.ts";
import { executeCalls } from "../../../src/orchestration/schedule/execute-calls.ts";
import type { ExecutedCalls } from "../../../src/orchestration/schedule/scheduler.ts";
import { FakeClock } from "../../../src/library/testing/fake-clock.ts";
import { FakeLanes, plannedCall, succeeded } from "../../support/fake-lanes.ts";

interface RunPlan {
  readonly tenant: string;
  readonly calls: number;
  readonly durationMs: number;
  readonly maxParallel?: number;
  readonly deadlineMs?: number;
}

/** An isolate of `limit` places with runs in it, all on one clock. */
class Isolate {
  readonly clock = new FakeClock();
  readonly share: IsolateShare;
  /** Time of places by tenant, until the first run ended. */
  readonly busyMs = new Map<string, number>();
  readonly #lanes: { readonly tenant: string; readonly lanes: FakeLanes }[] = [];
  peak = 0;

  constructor(limit: number) {
    this.share = new IsolateShare(limit, () => this.clock.now());
  }

  get inFlight(): number {
    return this.#lanes.reduce((sum, { lanes }) => sum + lanes.inFlight, 0);
  }

  start(plan: RunPlan, signal = new AbortController().signal): Promise<ExecutedCalls> {
    const { tenant, calls, durationMs, maxParallel = 100, deadlineMs = 600_000 } = plan;
    const lanes = new FakeLanes(this.clock, () => ({ durationMs, outcome: succeeded() }));
    this.#lanes.push({ tenant, lanes });
    const startedAtMs = this.clock.now();
    const deadlineAtMs = startedAtMs + deadlineMs;
    return executeCalls(
      Array.from({ length: calls }, (_, n) => plannedCall(`c${n}`)),
      { mode: "parallel", maxParallel, startedAtMs, deadlineAtMs },
      {
        clock: this.clock,
        lanes,
        expectedMs: () => durationMs,
        share: (endsAtMs) => this.share.join(tenant, endsAtMs),
        onEvent: async () => undefined,
      },
      signal,
    );
  }

  /** Lets time pass from event to event, noting who had the places meanwhile. */
  async watch(untilMs: number): Promise<void> {
    const endMs = this.clock.now() + untilMs;
    await this.clock.settle();
    while (this.clock.now() < endMs) {
      this.peak = Math.max(this.peak, this.inFlight);
      const held = this.#lanes.map(({ tenant, lanes }) => [tenant, lanes.inFlight] as const);
      const fromMs = this.clock.now();
      if (!(await this.clock.step())) return;
      for (const [tenant, places] of held) {
        const ms = places * (this.clock.now() - fromMs);
        this.busyMs.set(tenant, (this.busyMs.get(tenant) ?? 0) + ms);
      }
    }
  }

  /** The share of all place time that `tenant` had. */
  shareOf(tenant: string): number {
    const total = [...this.busyMs.values()].reduce((sum, ms) => sum + ms, 0);
    return (this.busyMs.get(tenant) ?? 0) / total;
  }
}

describe("two tenants that saturate an isolate", () => {
  it("get 45 to 55 per cent each, although one asks for four times as much and came first", async () => {
    const isolate = new Isolate(20);
    for (let n = 0; n < 4; n += 1)
      void isolate.start({ tenant: "many", calls: 2_000, durationMs: 100 });
    await isolate.watch(1_000);
    expect(isolate.shareOf("many")).toBe(1);
    isolate.busyMs.clear();
    void isolate.start({ tenant: "one", calls: 2_000, durationMs: 100 });
    await isolate.watch(10_000);
    expect(isolate.shareOf("many")).toBeGreaterThan(0.45);
    expect(isolate.shareOf("many")).toBeLessThan(0.55);
    expect(isolate.peak).toBe(20);
  });

  it("get 45 to 55 per cent of the time each, although the calls of one take ten times as long", async () => {
    const isolate = new Isolate(20);
    void isolate.start({ tenant: "slow", calls: 2_000, durationMs: 2_000 });
    void isolate.start({ tenant: "fast", calls: 2_000, durationMs: 200 });
    await isolate.watch(6_000);
    isolate.busyMs.clear();
    await isolate.watch(24_000);
    expect(isolate.shareOf("slow")).toBeGreaterThan(0.45);
    expect(isolate.shareOf("slow")).toBeLessThan(0.55);
  });
});

describe("places of an isolate", () => {
  it("are all used by whoever has calls, and go on to others the moment they are free", async () => {
    const isolate = new Isolate(10);
    const wide = isolate.start({ tenant: "a", calls: 25, durationMs: 100 });
    const narrow = isolate.start({ tenant: "b", calls: 6, durationMs: 100, maxParallel: 2 });
    const begin = isolate.clock.now();
    await isolate.clock.runUntil(Promise.all([wide, narrow]));
    // 31 calls of 100 ms over ten places: no place was idle while a call waited.
    expect(isolate.clock.now() - begin).toBe(400);
    expect([isolate.share.taken, isolate.share.isIdle]).toEqual([0, true]);
  });

  it("are given back by a run that is cancelled while it waits or runs, and nobody of it waits on", async () => {
    const isolate = new Isolate(2);
    const first = isolate.start({ tenant: "a", calls: 2, durationMs: 100 });
    const controller = new AbortController();
    const gone = isolate.start({ tenant: "b", calls: 5, durationMs: 100 }, controller.signal);
    const last = isolate.start({ tenant: "c", calls: 1, durationMs: 100 });
    await isolate.clock.advance(50);
    controller.abort();
    expect((await isolate.clock.runUntil(gone)).results).toHaveLength(5);
    const begin = isolate.clock.now();
    await isolate.clock.runUntil(Promise.all([first, last]));
    expect(isolate.clock.now() - begin).toBe(150);
    expect([isolate.share.taken, isolate.share.isIdle]).toEqual([0, true]);
    expect(isolate.clock.pending).toBe(0);
  });

  it("do not count as queueing for a timeout: it starts with the place", async () => {
    const isolate = new Isolate(1);
    const runs = ["a", "b"].map((tenant) => isolate.start({ tenant, calls: 1, durationMs: 9_000 }));
    const ended = await isolate.clock.runUntil(Promise.all(runs));
    expect(ended.map(({ results }) => results[0]?.status)).toEqual(["succeeded", "succeeded"]);
    expect(ended[1]?.results[0]).toMatchObject({ queuedMs: 9_000, durationMs: 9_000 });
  });

  it("are never more than there are, and all come back, whatever runs come, fail to wait or are cancelled", async () => {
    const plan = record({
      tenant: constantFrom("a", "b", "c"),
      calls: integer({ min: 0, max: 12 }),
      durationMs: integer({ min: 1, max: 60 }),
      maxParallel: integer({ min: 1, max: 8 }),
      deadlineMs: integer({ min: 1, max: 400 }),
      atMs: integer({ min: 0, max: 200 }),
      abortAfterMs: option(integer({ min: 0, max: 200 })),
    });
    await assert(
      asyncProperty(
        array(plan, { maxLength: 8 }),
        integer({ min: 1, max: 6 }),
        async (plans, limit) => {
          const isolate = new Isolate(limit);
          const never = new AbortController().signal;
          const runs = plans.map(async ({ atMs, abortAfterMs, ...run }) => {
            await isolate.clock.sleep(atMs, never);
            const controller = new AbortController();
            const over = new AbortController();
            if (abortAfterMs !== null) {
              const timer = isolate.clock.sleep(abortAfterMs, over.signal);
              void timer.then(() => controller.abort());
            }
            const { results } = await isolate.start(run, controller.signal);
            over.abort();
            expect(results).toHaveLength(run.calls);
          });
          await isolate.watch(10_000);
          await Promise.all(runs);
          expect(isolate.peak).toBeLessThanOrEqual(limit);
          expect([isolate.share.taken, isolate.share.isIdle]).toEqual([0, true]);
          expect(isolate.clock.pending).toBe(0);
        },
      ),
      { seed: 11, numRuns: 100 },
    );
  });
});

describe("a run that was torn down without a word", () => {
  it("loses its places at its latest end, so they are not lost for good", () => {
    let nowMs = 0;
    const share = new IsolateShare(2, () => nowMs);
    const gone = share.join("a", 1_000);
    expect([gone.take(), gone.take()]).toEqual([true, true]);
    const next = share.join("b", 9_000);
    nowMs = 999;
    expect(next.take()).toBe(false);
    nowMs = 2_100;
    expect(next.take()).toBe(true);
    gone.give();
    expect(share.taken).toBe(1);
    next.give();
    next.give();
    expect(share.taken).toBe(0);
  });

  it("hands them to whoever waits", async () => {
    let nowMs = 0;
    const share = new IsolateShare(1, () => nowMs);
    share.join("a", 1_000).take();
    const waiting = share.join("b", 9_000);
    waiting.want(1, 10);
    nowMs = 1_500;
    expect(share.join("c", 9_000).take()).toBe(false);
    expect(await waiting.granted()).toBe(1);
  });

  it("gives back what was granted to a run that leaves before it collected it", () => {
    const share = new IsolateShare(1, () => 0);
    const [first, next] = [share.join("a", 1_000), share.join("a", 1_000)];
    expect(first.take()).toBe(true);
    next.want(1, 10);
    first.give();
    expect(share.taken).toBe(1);
    next.want(0, 0);
    expect(share.taken).toBe(0);
  });

  it("uses what was granted before it asks for more", () => {
    const share = new IsolateShare(2, () => 0);
    const [first, next] = [share.join("a", 1_000), share.join("a", 1_000)];
    expect([first.take(), first.take()]).toEqual([true, true]);
    next.want(1, 10);
    first.give();
    expect(next.take()).toBe(true);
    expect(share.taken).toBe(2);
  });
});
