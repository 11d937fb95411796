/** What a guarded call meets at a breaker. */

import { describe, expect, it } from "vitest";

import { fail, ok, type Result } from "../../src/platform/result.ts";
import { guard } from "../../src/resilience/guard.ts";
import { OPEN_SESSION } from "../../src/resilience/open-session.ts";
import { type Answer, HERE, POLICY, run, scripted, world } from "../support/guard-scene.ts";

describe("guard, at an open breaker", () => {
  const once = { retry: { allowed: "never", maxAttempts: 1 } } as const;

  async function opened() {
    const at = world();
    for (let n = 0; n < 5; n += 1) await run(scripted([{ status: 500 }], once).call, at);
    return at;
  }

  it("sends nothing and says when to come back", async () => {
    const at = await opened();
    const { asked, call } = scripted([{ status: 200 }]);
    // Half and half of the other half of five seconds.
    expect(await run(call, at)).toEqual(
      fail({
        kind: "held",
        cause: "circuit_open",
        retryAfterMs: 3_750,
        isForced: false,
        mayProbe: false,
        target: "a",
        sent: false,
      }),
    );
    expect(asked).toHaveLength(0);
  });

  it("waits for its turn when the upstream only asked for a pause that fits", async () => {
    const at = world();
    await run(scripted([{ status: 429, retryAfterMs: 2_000 }], once).call, at);
    const { asked, call } = scripted([{ status: 200 }]);
    expect(await run(call, at)).toEqual(ok({ status: 200 }));
    expect(asked).toHaveLength(1);
    await run(scripted([{ status: 429, retryAfterMs: 20_000 }], once).call, at);
    expect(await run(call, at)).toMatchObject({ error: { kind: "held", cause: "rate_limited" } });
  });

  it("lets 1, 3 and 10 probes pass, and then everybody", async () => {
    const at = await opened();
    await at.clock.advance(3_750);
    for (const places of [1, 3, 10]) {
      const held: ((answer: Result<Answer, never>) => void)[] = [];
      const attempt = () =>
        new Promise<Result<Answer, never>>((resolve) => {
          held.push(resolve);
        });
      const calls = Array.from({ length: 50 }, () =>
        guard(scripted([], { ...once, attempt }).call, at, HERE),
      );
      await at.clock.settle();
      expect(held).toHaveLength(places);
      for (const answer of held) answer(ok({ status: 200 }));
      await Promise.all(calls);
    }
    expect(at.session.held("a")).toBeNull();
    const { asked, call } = scripted([{ status: 200 }]);
    await Promise.all(Array.from({ length: 50 }, () => guard(call, at, HERE)));
    expect(asked).toHaveLength(50);
  });

  it("goes to the target that works, and ignores the breakers when most are open", async () => {
    const at = await opened();
    const one = scripted([{ status: 200 }], { targets: [{ id: "a" }, { id: "b" }] });
    await run(one.call, at);
    expect(one.asked).toEqual(["b"]);
    for (let n = 0; n < 5; n += 1)
      await run(scripted([{ status: 500 }], { ...once, targets: [{ id: "b" }] }).call, at);
    const both = scripted([{ status: 200 }], { targets: [{ id: "a" }, { id: "b" }] });
    expect(await run(both.call, at)).toEqual(ok({ status: 200 }));
    expect(both.asked).toEqual(["a"]);
  });

  it("is never met with breakers off, nor where nothing is known", async () => {
    const at = world({ ...POLICY, breaker: { enabled: false } });
    for (let n = 0; n < 50; n += 1) await run(scripted([{ status: 500 }], once).call, at);
    expect(at.session.held("a")).toBeNull();
    const open = { ...at, session: OPEN_SESSION };
    const { asked, call } = scripted([{ status: 500 }]);
    await run(call, open);
    expect(asked).toHaveLength(1);
  });

  it("belongs to one tenant", async () => {
    const at = await opened();
    expect(at.session.held("a")).not.toBeNull();
    expect(world().session.held("a")).toBeNull();
  });

  it("counts answers that come too late for the tenant, and lives with a known share of failures", async () => {
    const slow = world({ ...POLICY, breaker: { enabled: true, slow_ms: 100 } });
    const attempt = async () => {
      await slow.clock.sleep(101, HERE);
      return ok({ status: 200 });
    };
    for (let n = 0; n < 5; n += 1) await run(scripted([], { ...once, attempt }).call, slow);
    expect(slow.session.held("a")).not.toBeNull();
    const known = world({ ...POLICY, breaker: { enabled: true, baseline: 0.5 } });
    for (let n = 0; n < 200; n += 1)
      await run(scripted([{ status: n % 2 === 0 ? 500 : 200 }], once).call, known);
    expect(known.session.held("a")).toBeNull();
  });

  it("sends nothing when its time was over before it got a probe, and gives the probe back", async () => {
    const at = world();
    const { asked, call } = scripted([{ status: 200 }], { ...once, timeoutMs: 1_000 });
    const told: string[] = [];
    const waiting = {
      cause: "circuit_open",
      retryAfterMs: 1,
      isForced: false,
      mayProbe: true,
    } as const;
    const session = {
      ...OPEN_SESSION,
      held: () => waiting,
      probe: async (target: string) => {
        await at.clock.sleep(1_500, HERE);
        return { target, probe: 1, isLeased: true };
      },
      report: (_pass: unknown, verdict: { readonly class: string }) =>
        void told.push(verdict.class),
    };
    const ended = await at.clock.runUntil(guard(call, { ...at, session }, HERE));
    expect(ended).toEqual(fail({ kind: "timeout", sent: false }));
    await at.clock.advance(1_000);
    expect(asked).toEqual([]);
    expect(told).toEqual(["ignored"]);
  });
});
