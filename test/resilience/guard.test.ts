/** The layers of every outgoing call, on a clock that the test moves. */

import { describe, expect, it } from "vitest";

import { fail, ok } from "../../src/platform/result.ts";
import { guard } from "../../src/resilience/guard.ts";
import { HERE, run, scripted, world } from "../support/guard-scene.ts";

describe("guard, retrying", () => {
  it("repeats a failure that may pass, after a pause with full jitter", async () => {
    const at = world();
    const { asked, call } = scripted([{ status: 500 }, { status: 503 }, { status: 200 }]);
    const startedMs = at.clock.now();
    expect(await run(call, at)).toEqual(ok({ status: 200 }));
    expect(asked).toHaveLength(3);
    // Half of 100 and half of 200.
    expect(at.clock.now() - startedMs).toBe(150);
  });

  it("stops at its attempts and hands on the last answer", async () => {
    const at = world();
    const { asked, call } = scripted([{ status: 500 }, { status: 502 }, { status: 503 }]);
    expect(await run(call, at)).toEqual(ok({ status: 503 }));
    expect(asked).toHaveLength(3);
  });

  it.each([404, 200, 401])("does not repeat a %d", async (status) => {
    const { asked, call } = scripted([{ status }]);
    await run(call, world());
    expect(asked).toHaveLength(1);
  });

  it("repeats a write only when it provably was not executed", async () => {
    const rules = { retry: { allowed: "only_if_not_executed", maxAttempts: 3 } } as const;
    const executed = scripted([{ status: 500 }], rules);
    await run(executed.call, world());
    expect(executed.asked).toHaveLength(1);
    const refused = scripted([{ status: 429 }, { status: 500 }], rules);
    expect(await run(refused.call, world())).toEqual(ok({ status: 500 }));
    expect(refused.asked).toHaveLength(2);
    const never = scripted([{ status: 429 }], { retry: { allowed: "never", maxAttempts: 3 } });
    await run(never.call, world());
    expect(never.asked).toHaveLength(1);
  });

  it("takes Retry-After as the least pause", async () => {
    const at = world();
    const { call } = scripted([{ status: 429, retryAfterMs: 4_000 }, { status: 200 }]);
    const startedMs = at.clock.now();
    expect(await run(call, at)).toEqual(ok({ status: 200 }));
    expect(at.clock.now() - startedMs).toBe(4_050);
  });

  it("fails now when Retry-After exceeds what is left of the deadline", async () => {
    const at = world();
    const startedMs = at.clock.now();
    const { asked, call } = scripted([{ status: 429, retryAfterMs: 9_990 }]);
    expect(await run(call, at)).toEqual(ok({ status: 429, retryAfterMs: 9_990 }));
    expect(asked).toHaveLength(1);
    expect(at.clock.now()).toBe(startedMs);
  });

  it("starts no attempt after its deadline, and tells what it had instead of a timeout", async () => {
    const { asked, call } = scripted([{ status: 500 }], { timeoutMs: 60 });
    expect(await run(call, world())).toEqual(ok({ status: 500 }));
    // The first pause is 50 ms, the second would end at 150.
    expect(asked).toHaveLength(2);
  });

  it("spends no more than the budget while an upstream is down", async () => {
    const at = world();
    let attempts = 0;
    for (let n = 0; n < 100; n += 1) {
      const { asked, call } = scripted([{ status: 500 }], { targets: [{ id: `down` }] });
      await run(call, { ...at, session: { ...at.session, held: () => null } });
      attempts += asked.length;
    }
    // Ten saved up, and what the seconds of pauses bring.
    expect(attempts).toBeGreaterThan(100);
    expect(attempts).toBeLessThanOrEqual(100 + 10 + Math.ceil((at.clock.now() - 1_000) / 1_000));
  });

  it("ends its pause when the caller leaves, and nothing may have happened", async () => {
    const at = world();
    const controller = new AbortController();
    const { asked, call } = scripted([{ status: 429, retryAfterMs: 1_000 }]);
    const ended = guard(call, at, controller.signal);
    await at.clock.advance(10);
    controller.abort();
    expect(await ended).toEqual(fail({ kind: "aborted", sent: false }));
    await at.clock.settle();
    expect(asked).toHaveLength(1);
    expect(at.clock.pending).toBe(0);
  });

  it("asks another target at once, also for another key", async () => {
    const targets = [{ id: "a" }, { id: "b" }];
    for (const status of [401, 429]) {
      const at = world();
      const { asked, call } = scripted([{ status, retryAfterMs: 9_999 }, { status: 200 }], {
        targets,
      });
      expect(await run(call, at)).toEqual(ok({ status: 200 }));
      expect(asked).toEqual(["a", "b"]);
    }
  });
});

describe("guard, given up", () => {
  const hanging = { attempt: () => new Promise<never>(() => {}) };

  it("says that an attempt under way may have happened", async () => {
    const at = world();
    const { call } = scripted([], hanging);
    expect(await run(call, at)).toEqual(fail({ kind: "timeout", sent: true }));
    expect(at.clock.pending).toBe(0);
  });

  it("says so too after an attempt that provably did nothing, and that nothing has happened in a pause", async () => {
    const at = world();
    const attempt = async () => {
      await at.clock.sleep(sent === 0 ? 0 : 50_000, HERE);
      sent += 1;
      return ok({ status: 429, retryAfterMs: 1_000 });
    };
    let sent = 0;
    const { call } = scripted([], { attempt, timeoutMs: 3_000 });
    expect(await run(call, at)).toEqual(fail({ kind: "timeout", sent: true }));
    const caller = new AbortController();
    const pausing = scripted([{ status: 429, retryAfterMs: 2_000 }]).call;
    const left = guard(pausing, world(), caller.signal);
    await at.clock.settle();
    caller.abort();
    expect(await left).toEqual(fail({ kind: "aborted", sent: false }));
  });

  it("charges the target for its silence, never for a caller that left", async () => {
    const at = world();
    for (let n = 0; n < 10; n += 1) {
      const controller = new AbortController();
      const ended = guard(scripted([], hanging).call, at, controller.signal);
      await at.clock.advance(5_000);
      controller.abort();
      await ended;
    }
    expect(at.session.held("a")).toBeNull();
    for (let n = 0; n < 10; n += 1) await run(scripted([], hanging).call, at);
    expect(at.session.held("a")).toMatchObject({ cause: "circuit_open" });
  });

  it("does not charge the target when the time was too short for anybody", async () => {
    const at = world();
    for (let n = 0; n < 50; n += 1)
      await run(scripted([], { ...hanging, timeoutMs: 100 }).call, at);
    expect(at.session.held("a")).toBeNull();
  });

  it("throws on a bug and gives its probe back", async () => {
    const at = world();
    const bug = new Error("bug");
    const call = scripted([], { attempt: () => Promise.reject(bug) }).call;
    await expect(guard(call, at, HERE)).rejects.toBe(bug);
    expect(at.clock.pending).toBe(0);
  });
});
