/** A second request beside one that takes unusually long. */

import { describe, expect, it } from "vitest";

import { ConnectionRoom } from "../../src/assembly/connection-room.ts";
import { fail, ok, type Result } from "../../src/platform/result.ts";
import { guard } from "../../src/resilience/guard.ts";
import type { SpareConnections } from "../../src/resilience/hedge.ts";
import { type Answer, HERE, POLICY, run, scripted, world } from "../support/guard-scene.ts";

/** A world whose target "a" takes 100 ms, and one time in twenty ten times as long. */
async function measured(policy = POLICY) {
  const at = world(policy);
  for (let n = 0; n < 100; n += 1) {
    const attempt = async () => {
      await at.clock.sleep(n % 20 === 0 ? 1_000 : 100, HERE);
      return ok({ status: 200 });
    };
    await run(scripted([], { attempt }).call, at);
  }
  return at;
}

/** A call whose requests take these times and end with these statuses, in turn. */
function timed(
  at: Awaited<ReturnType<typeof measured>>,
  requests: readonly (readonly [ms: number, status: number])[],
  spare: SpareConnections | null = null,
) {
  const log = { sent: 0, aborted: 0, hedged: 0 };
  const attempt = async (_: unknown, signal: AbortSignal): Promise<Result<Answer, never>> => {
    const [ms = 0, status = 200] = requests[log.sent] ?? [];
    log.sent += 1;
    await at.clock.sleep(ms, signal);
    if (signal.aborted) log.aborted += 1;
    return ok({ status: signal.aborted ? 499 : status });
  };
  const hedge = { spare, onHedge: () => void (log.hedged += 1) };
  return { log, call: scripted([], { attempt, hedge }).call };
}

describe("guard, hedging", () => {
  it("sends a second request when the first is slow, and aborts the loser", async () => {
    const at = await measured();
    const { log, call } = timed(at, [
      [5_000, 200],
      [100, 200],
    ]);
    const startedMs = at.clock.now();
    expect(await run(call, at)).toEqual(ok({ status: 200 }));
    expect(at.clock.now() - startedMs).toBeLessThan(1_300);
    await at.clock.settle();
    expect(log).toEqual({ sent: 2, aborted: 1, hedged: 1 });
    expect(at.clock.pending).toBe(0);
    expect(at.session.held("a")).toBeNull();
  });

  it("takes the first request's answer when it comes first after all", async () => {
    const at = await measured();
    const { log, call } = timed(at, [
      [1_200, 200],
      [3_000, 500],
    ]);
    expect(await run(call, at)).toEqual(ok({ status: 200 }));
    expect(log).toMatchObject({ sent: 2, hedged: 1 });
  });

  it("leaves the word to the other when one fails, and fails when both do", async () => {
    const at = await measured();
    const one = timed(at, [
      [5_000, 200],
      [100, 500],
    ]);
    expect(await run(one.call, at)).toEqual(ok({ status: 200 }));
    const both = timed(at, [
      [5_000, 404],
      [100, 500],
    ]);
    expect(await run({ ...both.call, retry: { allowed: "never", maxAttempts: 1 } }, at)).toEqual(
      ok({ status: 404 }),
    );
  });

  it("sends none when the answer comes in time, or nothing is known of the target", async () => {
    const at = await measured();
    const quick = timed(at, [[100, 200]]);
    await run(quick.call, at);
    const unknown = timed(world(), [[5_000, 200]]);
    expect(quick.log.sent).toBe(1);
    const other = world();
    const slow = timed(other, [[5_000, 200]]);
    await run(slow.call, other);
    expect([slow.log.sent, unknown.log.sent]).toEqual([1, 0]);
  });

  it("sends no more than its budget", async () => {
    const at = await measured();
    const startedMs = at.clock.now();
    let hedges = 0;
    for (let n = 0; n < 100; n += 1) {
      const { log, call } = timed(at, [
        [5_000, 200],
        [2_000, 200],
      ]);
      await run(call, at);
      hedges += log.hedged;
    }
    // Five per cent of two hundred requests, and for those that hang what repeated requests may have.
    const elapsedS = Math.ceil((at.clock.now() - startedMs) / 1_000);
    expect(hedges).toBeGreaterThan(0);
    expect(hedges).toBeLessThanOrEqual(10 + 20 + elapsedS);
  });

  it("ends with the deadline or the caller, leaving nothing", async () => {
    const at = await measured();
    const hanging = () =>
      timed(at, [
        [50_000, 200],
        [50_000, 200],
        [50_000, 200],
      ]).call;
    expect(await run(hanging(), at)).toEqual(fail({ kind: "timeout", sent: true }));
    const controller = new AbortController();
    const left = guard(hanging(), at, controller.signal);
    await at.clock.advance(2_000);
    controller.abort();
    expect(await left).toEqual(fail({ kind: "aborted", sent: true }));
    await at.clock.settle();
    expect(at.clock.pending).toBe(0);
  });

  it("sends a third request beside two that hang, and no more", async () => {
    const at = await measured();
    const { log, call } = timed(at, [
      [50_000, 200],
      [50_000, 200],
      [100, 200],
    ]);
    expect(await run(call, at)).toEqual(ok({ status: 200 }));
    await at.clock.settle();
    expect(log).toEqual({ sent: 3, aborted: 2, hedged: 2 });
  });

  it("takes only connections no call needs, and gives its own back when a call needs it", async () => {
    const at = await measured();
    const room = new ConnectionRoom(2);
    const leaves = [room.enter(), room.enter()];
    const full = timed(at, [[5_000, 200]], room);
    await run(full.call, at);
    expect(full.log.sent).toBe(1);
    leaves.pop()?.();
    const recalled = timed(
      at,
      [
        [5_000, 200],
        [3_000, 200],
      ],
      room,
    );
    const ended = guard(recalled.call, at, HERE);
    await at.clock.advance(2_000);
    expect(recalled.log.sent).toBe(2);
    const leave = room.enter();
    await at.clock.settle();
    expect(recalled.log.aborted).toBe(1);
    await at.clock.advance(4_000);
    expect(await ended).toEqual(ok({ status: 200 }));
    leave();
    expect(room.take(() => undefined)).not.toBeNull();
  });
});
