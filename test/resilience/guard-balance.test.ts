/** What the end of a guarded attempt says to the choice of the next target. */

import { describe, expect, it } from "vitest";

import { balanceTarget } from "../../src/contract/balance.ts";
import type { UpstreamSession } from "../../src/contract/upstream-session.ts";
import { ok } from "../../src/platform/result.ts";
import { Balancer } from "../../src/resilience/balancer.ts";
import { guard } from "../../src/resilience/guard.ts";
import { run, scripted, world } from "../support/guard-scene.ts";

const TARGETS = ["a", "b"].map((id) => balanceTarget(id, {}));
const ONCE = { retry: { allowed: "never", maxAttempts: 1 } } as const;

/** What "a" is expected to take; 100 ms when nothing is known of it. */
function costOf(balancer: Balancer, nowMs: number): number | undefined {
  const inputs = { nowMs, random: () => 0.5, tried: [], isOpen: () => false, key: "" };
  return balancer.choose(TARGETS, { strategy: "priority", ...inputs })?.considered[0]?.cost_ms;
}

/** What is known of "a" after an attempt there that took 20 ms and ended with this status. */
async function costAfter(status: number): Promise<number | undefined> {
  const at = world();
  const balancer = new Balancer();
  const balance = { balancer, strategy: "priority", key: "" } as const;
  const attempt = async (_: unknown, signal: AbortSignal) => {
    await at.clock.sleep(20, signal);
    return ok({ status });
  };
  await run(scripted([], { attempt, balance, targets: TARGETS, ...ONCE }).call, at);
  return costOf(balancer, at.clock.now());
}

describe("guard, balancing", () => {
  it.each([
    [200, 20],
    [500, 10_000],
    [429, 10_000],
    [401, 10_000],
    [404, 100],
  ])("takes a %i for an answer of %s ms", async (status, costMs) => {
    expect(await costAfter(status)).toBe(costMs);
  });

  it("takes a request whose rival has answered for nothing", async () => {
    const at = world();
    const balancer = new Balancer();
    const balance = { balancer, strategy: "priority", key: "" } as const;
    const timed = (ms: number) => async (_: unknown, signal: AbortSignal) => {
      await at.clock.sleep(ms, signal);
      return ok({ status: signal.aborted ? 499 : 200 });
    };
    const hedge = { spare: null, onHedge: () => undefined };
    const calls = { targets: TARGETS, balance, hedge, ...ONCE };
    for (let n = 0; n < 100; n += 1)
      await run(scripted([], { ...calls, attempt: timed(n % 20 === 0 ? 1_000 : 100) }).call, at);
    let sent = 0;
    const attempt = async (target: unknown, signal: AbortSignal) => {
      sent += 1;
      return timed(sent === 1 ? 9_000 : 50)(target, signal);
    };
    const before = costOf(balancer, at.clock.now()) ?? 0;
    const told: string[] = [];
    const session: UpstreamSession = {
      ...at.session,
      report: (pass, verdict, durationMs) => {
        told.push(verdict.class);
        at.session.report(pass, verdict, durationMs);
      },
    };
    await run(scripted([], { ...calls, attempt }).call, { ...at, session });
    await at.clock.settle();
    expect([sent, told.toSorted()]).toEqual([2, ["lost", "ok"]]);
    expect(costOf(balancer, at.clock.now()) ?? Infinity).toBeLessThan(before + 100);
  });

  it("costs one timer where nothing is hedged and nobody waits, and none afterwards", async () => {
    const at = world();
    const caller = new AbortController();
    const hanging = { attempt: () => new Promise<never>(() => {}) };
    const ended = guard(scripted([], hanging).call, at, caller.signal);
    await at.clock.settle();
    expect(at.clock.pending).toBe(1);
    caller.abort();
    await ended;
    expect(at.clock.pending).toBe(0);
  });

  it("takes an attempt that was left by its caller for nothing, and one out of time for a failure", async () => {
    const at = world();
    const balancer = new Balancer();
    const balance = { balancer, strategy: "priority", key: "" } as const;
    const hanging = { attempt: () => new Promise<never>(() => {}), balance, ...ONCE };
    const { call } = scripted([], { ...hanging, targets: TARGETS });
    const caller = new AbortController();
    const left = run(call, at, caller.signal);
    caller.abort();
    await left;
    expect(costOf(balancer, at.clock.now())).toBe(100);
    await run(call, at);
    expect(costOf(balancer, at.clock.now())).toBe(10_000);
  });
});
