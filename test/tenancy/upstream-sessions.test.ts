/** Isolates and their tenant's gate: what is open for one is open for all, and probes are counted once. */

import { describe, expect, it } from "vitest";

import { BreakerTable } from "../../durable-objects/tenant-gate/breaker-table.ts";
import type { TargetWord } from "../../src/contract/breaker.ts";
import type { ResiliencePolicy } from "../../src/contract/resilience-policy.ts";
import type { UpstreamSession, Verdict } from "../../src/contract/upstream-session.ts";
import { upstreamSession } from "../../src/tenancy/upstream-sessions.ts";

const POLICY: ResiliencePolicy = {
  retry: { max_attempts: 3, budget: 0.1 },
  hedge: { enabled: true, quantile: 0.95, budget: 0.05 },
  breaker: { enabled: true },
  concurrency: "off",
};
const FAILED: Verdict = { class: "failed", retryAfterMs: null, executed: true };
const REFUSED: Verdict = { class: "credential", retryAfterMs: null, executed: true };
const LIMITED: Verdict = { class: "rate_limited", retryAfterMs: 2_000, executed: false };
const GOOD: Verdict = { class: "ok", retryAfterMs: null, executed: true };

let worlds = 0;

/** Isolates are told apart by their name for the tenant: the memory of a real isolate is its module's. */
function world() {
  worlds += 1;
  const name = `sessions_${worlds}`;
  const gate = new BreakerTable(() => 0.5);
  const state = { nowMs: 1_000_000, isReachable: true };
  /** What the gate was told of targets, the newest last. */
  const told: TargetWord[] = [];
  const work: Promise<unknown>[] = [];
  const isolate = (n: number, key = "v1"): UpstreamSession =>
    upstreamSession({
      tenantId: `${name}_${n}`,
      credentialOf: (target) => (target === "keyless" ? null : key),
      policy: POLICY,
      now: () => state.nowMs,
      random: () => 0.5,
      gate: {
        say: async (word) => {
          if (!state.isReachable) throw new Error("unreachable");
          told.push(...word.targets);
          return gate.take(word, state.nowMs).answer;
        },
        defer: (promise) => void work.push(promise),
      },
    });
  const settle = async (): Promise<void> => {
    while (work.length > 0) await work.shift();
  };
  return { isolate, settle, state, gate, told };
}

/** One request of an isolate that goes out whatever is held. */
function send(session: UpstreamSession, verdict: Verdict, target = "a"): void {
  session.report(session.enter(target, 1_000), verdict, 10);
}

describe("upstreamSession with a gate", () => {
  it("opens at once where it fails, and everywhere that hears of it", async () => {
    const { isolate, settle } = world();
    const [one, two] = [isolate(1), isolate(2)];
    for (let n = 0; n < 5; n += 1) send(one, FAILED);
    expect(one.held("a")).toMatchObject({ cause: "circuit_open" });
    await settle();
    expect(two.held("a")).toBeNull();
    // Its own first failure makes it ask, and it learns what the others know.
    send(two, FAILED);
    send(two, { class: "rate_limited", retryAfterMs: 100, executed: false }, "b");
    await settle();
    expect(two.held("a")).toMatchObject({ cause: "circuit_open" });
  });

  it("sends exactly 1, 3 and 10 probes from fifty isolates, and closes for all", async () => {
    const { isolate, settle, state } = world();
    const isolates = Array.from({ length: 50 }, (_, n) => isolate(n));
    for (const one of isolates) for (let n = 0; n < 5; n += 1) send(one, FAILED);
    await settle();
    state.nowMs += 5_000;
    for (const places of [1, 3, 10]) {
      expect(isolates.every((one) => one.held("a")?.mayProbe === true)).toBe(true);
      const passes = await Promise.all(isolates.map((one) => one.probe("a", 1_000)));
      const leased = passes.flatMap((pass, n) => (pass === null ? [] : [{ pass, n }]));
      expect(leased).toHaveLength(places);
      for (const { pass, n } of leased) isolates[n]?.report(pass, GOOD, 10);
      await settle();
    }
    const again = await Promise.all(isolates.map((one) => one.probe("a", 1_000)));
    expect(again.filter((pass) => pass === null)).toHaveLength(0);
    expect(isolates.every((one) => one.held("a") === null)).toBe(true);
  });

  it("lets one call of an isolate ask for a probe at a time", async () => {
    const { isolate, settle, state } = world();
    const one = isolate(1);
    for (let n = 0; n < 5; n += 1) send(one, FAILED);
    await settle();
    state.nowMs += 5_000;
    const [first, second] = await Promise.all([one.probe("a", 1_000), one.probe("a", 1_000)]);
    expect([first === null, second]).toEqual([false, null]);
  });

  it("opens again when a probe fails, and takes a probe that never ended for failed", async () => {
    const { isolate, settle, state } = world();
    const one = isolate(1);
    for (let n = 0; n < 5; n += 1) send(one, FAILED);
    await settle();
    state.nowMs += 5_000;
    const pass = await one.probe("a", 1_000);
    if (pass === null) throw new Error("no probe");
    one.report(pass, FAILED, 10);
    await settle();
    expect(one.held("a")?.retryAfterMs).toBe(3_750);
    state.nowMs += 3_750;
    await one.probe("a", 1_000);
    state.nowMs += 1_001;
    expect(await isolate(2).probe("a", 1_000)).toBeNull();
  });

  it("goes on alone while the gate cannot be reached", async () => {
    const { isolate, settle, state } = world();
    const one = isolate(1);
    state.isReachable = false;
    for (let n = 0; n < 5; n += 1) send(one, FAILED);
    await settle();
    expect(one.held("a")).toMatchObject({ cause: "circuit_open" });
    state.nowMs += 5_000;
    expect(one.held("a")).toBeNull();
    const probe = one.enter("a", 1_000);
    expect(probe.probe).not.toBeNull();
    expect(one.held("a")).toMatchObject({ cause: "circuit_open", mayProbe: false });
    one.report(probe, FAILED, 10);
    expect(one.held("a")).toMatchObject({ cause: "circuit_open" });
  });

  it("takes a probe of its own when the gate is lost while it has the breaker open", async () => {
    const { isolate, settle, state } = world();
    const one = isolate(1);
    for (let n = 0; n < 5; n += 1) send(one, FAILED);
    await settle();
    state.isReachable = false;
    state.nowMs += 5_000;
    expect(await one.probe("a", 1_000)).toMatchObject({ isLeased: false });
  });

  it("does not count failures against a target that has recovered, whoever could not tell of them before", async () => {
    const { isolate, settle, state, gate } = world();
    const isolates = Array.from({ length: 20 }, (_, n) => isolate(n));
    // The first failure of each is told at once, its second has to wait.
    for (const one of isolates) for (let n = 0; n < 2; n += 1) send(one, FAILED);
    await settle();
    expect(gate.list(state.nowMs)).toMatchObject([{ state: "open" }]);
    state.nowMs += 5_000;
    const last = isolates[19] ?? isolate(19);
    for (let probes = 0; probes < 14; probes += 1) {
      const pass = await last.probe("a", 1_000);
      if (pass?.isLeased !== true) throw new Error("no probe");
      last.report(pass, GOOD, 10);
      await settle();
    }
    expect(gate.list(state.nowMs)).toMatchObject([{ state: "closed" }]);
    for (const one of isolates) {
      state.nowMs += 1_000;
      send(one, GOOD);
      await settle();
    }
    expect(gate.list(state.nowMs)).toMatchObject([{ state: "closed", openings: 1 }]);
    expect(isolates.every((one) => one.held("a") === null)).toBe(true);
  });

  it("tells of a failure within two and a half seconds or not at all, and of newer ones all the same", async () => {
    const { isolate, settle, state, told } = world();
    const one = isolate(1);
    const seen: number[] = [];
    for (const [waitMs, next] of [
      [2_499, GOOD],
      [2_500, GOOD],
      [2_500, FAILED],
    ] as const) {
      // The first failure is told at once, the second has to wait.
      for (let n = 0; n < 2; n += 1) send(one, FAILED);
      await settle();
      state.nowMs += waitMs;
      send(one, next);
      await settle();
      seen.push(told.at(-1)?.bad ?? -1);
      state.nowMs += 60_000;
      for (let n = 0; n < 20; n += 1) send(one, GOOD);
      await settle();
    }
    expect(seen).toEqual([1, 0, 1]);
  });

  it("asks a target again when the time it was to be left alone is over, however often it said so", async () => {
    const { isolate, settle, state } = world();
    const one = isolate(1);
    // The first word is told at once, the second has to wait.
    for (let n = 0; n < 2; n += 1) send(one, LIMITED);
    await settle();
    state.nowMs += 1_999;
    expect(one.held("a")).toMatchObject({ cause: "rate_limited", retryAfterMs: 1 });
    state.nowMs += 1;
    expect(one.held("a")).toBeNull();
    send(one, GOOD);
    await settle();
    expect(one.held("a")).toBeNull();
  });

  it("leaves a target alone whose key was refused, in every isolate that hears of it, until the key is another", async () => {
    const { isolate, settle, state, gate } = world();
    const [one, two] = [isolate(1), isolate(2)];
    send(one, REFUSED);
    send(one, REFUSED, "keyless");
    // Not to be had is not refused.
    send(one, { ...REFUSED, executed: false }, "b");
    await settle();
    expect(one.held("a")).toMatchObject({ cause: "credential", isForced: true });
    expect([one.held("keyless"), one.held("b")]).toEqual([null, null]);
    send(two, FAILED, "b");
    await settle();
    expect(two.held("a")).toMatchObject({ cause: "credential", mayProbe: false });
    const changed = isolate(2, "v2");
    expect(changed.held("a")).toBeNull();
    send(changed, GOOD);
    await settle();
    expect(gate.list(state.nowMs)).toContainEqual(
      expect.objectContaining({ name: "a", state: "closed", openings: 0 }),
    );
    expect(changed.held("a")).toBeNull();
  });

  it("tries a refused key again with one request of all isolates, and closes with its answer", async () => {
    const { isolate, settle, state } = world();
    const isolates = Array.from({ length: 20 }, (_, n) => isolate(n));
    for (const one of isolates) send(one, REFUSED);
    await settle();
    state.nowMs += 30_000;
    for (const [end, retryAfterMs] of [
      [REFUSED, 45_000],
      [GOOD, null],
    ] as const) {
      const passes = await Promise.all(isolates.map((one) => one.probe("a", 1_000)));
      const leased = passes.flatMap((pass, n) => (pass === null ? [] : [{ pass, n }]));
      expect(leased).toHaveLength(1);
      for (const { pass, n } of leased) isolates[n]?.report(pass, end, 10);
      await settle();
      expect(isolates[leased[0]?.n ?? 0]?.held("a")?.retryAfterMs ?? null).toBe(retryAfterMs);
      state.nowMs += 60_000;
    }
  });

  it("holds nothing back when the policy has no breakers", async () => {
    const bare = upstreamSession({
      tenantId: "bare",
      policy: { ...POLICY, breaker: { enabled: false } },
      credentialOf: () => "v1",
    });
    send(bare, REFUSED);
    expect(bare.held("a")).toBeNull();
  });

  it("hears that a breaker is no longer forced open though it sends nothing there", async () => {
    const { isolate, settle, state, gate } = world();
    const one = isolate(1);
    gate.force("a", "open", state.nowMs);
    send(one, FAILED);
    state.nowMs += 1_000;
    send(one, FAILED);
    await settle();
    expect(one.held("a")).toMatchObject({ isForced: true, mayProbe: false });
    gate.force("a", "auto", state.nowMs);
    state.nowMs += 999;
    expect(one.held("a")).toMatchObject({ isForced: true, mayProbe: false });
    state.nowMs += 1;
    expect(one.held("a")).toMatchObject({ mayProbe: true });
    expect(await one.probe("a", 1_000)).toMatchObject({ probe: null });
    expect(one.held("a")).toBeNull();
  });
});
