/** The concurrency layer inside a guarded call. */

import { describe, expect, it } from "vitest";

import type { Verdict } from "../../src/contract/upstream-session.ts";
import { fail, ok } from "../../src/platform/result.ts";
import { MAX_WAITING } from "../../src/resilience/concurrency.ts";
import { crowdOf } from "../../src/resilience/crowd.ts";
import { guard } from "../../src/resilience/guard.ts";
import { type Call, HERE, POLICY, run, scripted, world } from "../support/guard-scene.ts";

const RANK = { tier: "interactive", run: "run_1" } as const;

/** Places for one attempt at each target of a tenant, all of them taken at `taken`. */
async function fullAt(tenantId: string, taken: readonly string[], at: ReturnType<typeof world>) {
  const crowd = crowdOf(tenantId, { ...POLICY, concurrency: 1 }, RANK, at.clock);
  if (crowd === null) throw new Error("there is a limit");
  for (const target of taken) await crowd(target, at.clock.now() + 60_000, false, HERE);
  return crowd;
}

describe("guard, crowded", () => {
  it("says that a call was turned away, and nothing was sent", async () => {
    const at = world();
    const crowd = await fullAt("crowd_1", ["a"], at);
    const { asked, call } = scripted([{ status: 200 }], { crowd, timeoutMs: 1_000 });
    const ended = await run(call, at);
    expect([ended, asked]).toEqual([fail({ kind: "timeout", sent: false }), []]);
    expect(at.clock.pending).toBe(0);
  });

  it("a caller that leaves while it waits has sent nothing", async () => {
    const at = world();
    const crowd = await fullAt("crowd_2", ["a"], at);
    const { asked, call } = scripted([{ status: 200 }], { crowd });
    const controller = new AbortController();
    const ended = guard(call, at, controller.signal);
    await at.clock.advance(10);
    controller.abort();
    expect(await ended).toEqual(fail({ kind: "aborted", sent: false }));
    expect(asked).toEqual([]);
  });

  it("gives its place back when it has its answer", async () => {
    const at = world();
    const crowd = await fullAt("crowd_3", [], at);
    for (let n = 0; n < 3; n += 1) {
      const { call } = scripted([{ status: 200 }], { crowd });
      expect(await run(call, at)).toEqual(ok({ status: 200 }));
    }
  });

  it("has no limit where the policy says so", () => {
    expect(crowdOf("crowd_4", { ...POLICY, concurrency: "off" }, RANK)).toBeNull();
  });

  it("is turned away at once when too many wait, unless another target has a place", async () => {
    const at = world();
    const crowd = await fullAt("crowd_5", ["a"], at);
    const caller = new AbortController();
    const waiting = Array.from({ length: MAX_WAITING }, () =>
      crowd("a", at.clock.now() + 60_000, false, caller.signal),
    );
    const alone = scripted([{ status: 200 }], { crowd });
    const shed = fail({ kind: "shed", target: "a", sent: false });
    expect([await run(alone.call, at), alone.asked]).toEqual([shed, []]);
    const two = scripted([{ status: 200 }], { crowd, targets: [{ id: "a" }, { id: "b" }] });
    // What was turned away is no attempt.
    const once = { ...two.call, retry: { allowed: "always", maxAttempts: 1 } } as const;
    expect([await run(once, at), two.asked]).toEqual([ok({ status: 200 }), ["b"]]);
    const write = scripted([{ status: 200 }], {
      crowd,
      targets: [{ id: "a" }, { id: "b" }],
      retry: { allowed: "only_if_not_executed", maxAttempts: 3 },
    });
    expect([await run(write.call, at), write.asked]).toEqual([ok({ status: 200 }), ["b"]]);
    caller.abort();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([null]));
  });
});

/** A tenant's target "a" that is known to answer after so long, and calls there whose answers take these times. */
async function known(tenantId: string, tookMs: number) {
  const at = world();
  const crowd = crowdOf(tenantId, { ...POLICY, concurrency: "adaptive" }, RANK, at.clock);
  if (crowd === null) throw new Error("there is a limit");
  const timed = async (
    requests: readonly (readonly [ms: number, status: number])[],
    news: Partial<Call> = {},
    guarded = at,
  ) => {
    const log: number[] = [];
    const attempt = async (_: unknown, signal: AbortSignal) => {
      const [ms = 0, status = 200] = requests[log.length] ?? [];
      log.push(at.clock.now() - startedMs);
      await at.clock.sleep(ms, signal);
      return ok({ status: signal.aborted ? 499 : status });
    };
    const startedMs = at.clock.now();
    const ended = await run(scripted([], { attempt, crowd, ...news }).call, guarded);
    return { ended, log, tookMs: at.clock.now() - startedMs };
  };
  for (let n = 0; n < 60; n += 1) await timed([[tookMs, 200]]);
  return { at, crowd, timed };
}

const TWICE = { retry: { allowed: "always", maxAttempts: 2 } } as const;

describe("guard, before a target that hangs", () => {
  it("gives an attempt up after a quarter of its time, and the last one all there is", async () => {
    const { timed, at } = await known("crowd_6", 100);
    const { ended, log } = await timed(
      [
        [60_000, 200],
        [5_000, 200],
      ],
      TWICE,
    );
    expect(ended).toEqual(ok({ status: 200 }));
    expect(log).toEqual([0, 2_550]);
    expect(at.clock.pending).toBe(0);
  });

  it("gives up nothing that must not be repeated", async () => {
    const { timed } = await known("crowd_7", 100);
    const never = { retry: { allowed: "only_if_not_executed", maxAttempts: 3 } } as const;
    expect((await timed([[9_000, 200]], never)).ended).toEqual(ok({ status: 200 }));
  });

  it("waits longer after an attempt that was given up, not after one that failed", async () => {
    const { timed } = await known("crowd_8", 1_000);
    const hung = { timeoutMs: 8_000 };
    const { ended, log } = await timed(
      [
        [60_000, 200],
        [4_000, 200],
      ],
      hung,
    );
    expect([ended, log.length]).toEqual([ok({ status: 200 }), 2]);
    const other = await known("crowd_9", 1_000);
    for (let n = 0; n < 3; n += 1) await other.timed([[10, 500]], TWICE);
    expect((await other.timed([[60_000, 200]], hung)).log[1]).toBeLessThan(3_400);
  });

  it("says that what was given up may have happened", async () => {
    const { timed, at } = await known("crowd_10", 100);
    const session = { ...at.session, takeRetryToken: () => false };
    const { ended, tookMs } = await timed([[60_000, 200]], TWICE, { ...at, session });
    expect(ended).toEqual(fail({ kind: "timeout", sent: true }));
    expect(tookMs).toBe(2_500);
  });

  it("says so too when its caller leaves before the next attempt", async () => {
    const { at, crowd } = await known("crowd_12", 100);
    const hanging = { attempt: () => new Promise<never>(() => {}), crowd, ...TWICE };
    const caller = new AbortController();
    const ended = guard(scripted([], hanging).call, at, caller.signal);
    await at.clock.advance(2_510);
    caller.abort();
    expect(await ended).toEqual(fail({ kind: "aborted", sent: true }));
    await at.clock.settle();
    expect(at.clock.pending).toBe(0);
  });

  it.each(["timed_out", "rate_limited"] as const)(
    "is crowded when attempts are %s",
    async (kind) => {
      const { at, crowd } = await known(`crowd_${kind}`, 100);
      for (let n = 0; n < 40; n += 1) {
        const place = await crowd("a", at.clock.now() + 9_000, false, HERE);
        await at.clock.advance(20);
        if (place !== null && "leave" in place)
          place.leave({ class: kind, retryAfterMs: null, executed: true }, 20);
      }
      const places = Array.from({ length: 100 }, () =>
        crowd("a", at.clock.now() + 99, false, HERE),
      );
      await at.clock.settle();
      expect(at.clock.pending).toBeGreaterThan(0);
      await at.clock.advance(500);
      await Promise.all(places);
    },
  );

  it.each([
    ["failed", "ignored"],
    ["credential", "ignored"],
    ["lost", "ignored"],
    ["ignored", "ignored"],
    ["ok", "answered"],
  ] as const)("takes an attempt that is %s for one that is %s", async (kind, meaning) => {
    const { at, crowd } = await known(`crowd_${kind}`, 100);
    const one = async (what: Verdict["class"]): Promise<void> => {
      const place = await crowd("a", at.clock.now() + 9_000, false, HERE);
      await at.clock.advance(20);
      if (place === null || !("leave" in place)) throw new Error("there is a place");
      place.leave({ class: what, retryAfterMs: null, executed: true }, 20);
    };
    // Refusals must not be lost among ends that say nothing.
    for (let n = 0; n < 20; n += 1) {
      for (let m = 0; m < 9; m += 1) await one(kind);
      await one("rate_limited");
    }
    const places = Array.from({ length: 100 }, () => crowd("a", at.clock.now() + 99, false, HERE));
    await at.clock.settle();
    expect(at.clock.pending > 0 ? "ignored" : "answered").toBe(meaning);
    await at.clock.advance(500);
    await Promise.all(places);
  });
});
