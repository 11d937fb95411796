/** When a request is sent again, and after how long. */

import { describe, expect, it } from "vitest";

import type { Verdict } from "../../src/contract/upstream-session.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { type Judged, type RetryRules, withRetries } from "../../src/resilience/retry.ts";

const START_MS = 1_000;
const HERE = new AbortController().signal;

function end(kind: Verdict["class"], news: Partial<Verdict & Judged<string>> = {}): Judged<string> {
  const { retryAfterMs = null, executed = false, wasSent = true, hasOther = false } = news;
  const verdict = { class: kind, retryAfterMs, executed };
  return { result: news.result ?? kind, verdict, wasSent, hasOther };
}

/** Sends again while it may; the ends come in turn, the last one again and again. */
async function sent(
  ends: readonly Judged<string>[],
  news: Partial<RetryRules> & { tokens?: number; drawn?: number; signal?: AbortSignal } = {},
) {
  const { tokens = 99, drawn = 0.5, signal = HERE, ...changed } = news;
  const clock = new FakeClock(START_MS);
  const rules = { allowed: "always", maxAttempts: 3, deadlineAtMs: 99_999, ...changed } as const;
  const startsMs: number[] = [];
  let left = tokens;
  const takeToken = (): boolean => {
    left -= 1;
    return left >= 0;
  };
  const once = async (): Promise<Judged<string>> => {
    const judged = ends[Math.min(startsMs.length, ends.length - 1)] ?? end("ok");
    startsMs.push(clock.now() - START_MS);
    return judged;
  };
  const world = { clock, random: () => drawn, takeToken };
  const result = await clock.runUntil(withRetries(rules, world, signal, once));
  return { result, startsMs, tokens: Math.max(0, left), pending: clock.pending };
}

describe("withRetries", () => {
  it.each([
    ["failed", false, 3],
    ["timed_out", false, 3],
    ["rate_limited", false, 3],
    ["credential", false, 1],
    ["credential", true, 3],
    ["ignored", true, 1],
    ["lost", true, 1],
    ["ok", true, 1],
  ] as const)("after %s, another target there: %s, sends %i", async (kind, hasOther, times) => {
    expect((await sent([end(kind, { hasOther })])).startsMs).toHaveLength(times);
  });

  it("pauses with full jitter, doubled from one attempt to the next up to two seconds", async () => {
    const { startsMs } = await sent([end("failed")], { maxAttempts: 8, drawn: 0.5 });
    const pauses = startsMs.slice(1).map((atMs, n) => atMs - (startsMs[n] ?? 0));
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_000, 1_000]);
  });

  it("waits as long as it was asked to and then the jitter, not for the sake of another target", async () => {
    const asked = end("rate_limited", { retryAfterMs: 700 });
    expect((await sent([asked, end("ok")])).startsMs).toEqual([0, 750]);
    const other = end("rate_limited", { retryAfterMs: 700, hasOther: true });
    expect((await sent([other, end("ok")])).startsMs).toEqual([0, 50]);
  });

  it("starts nothing at its deadline or after it", async () => {
    const asked = [end("rate_limited", { retryAfterMs: 700 }), end("ok")];
    const in751 = { deadlineAtMs: START_MS + 751 };
    expect((await sent(asked, in751)).startsMs).toEqual([0, 750]);
    const at = await sent(asked, { deadlineAtMs: START_MS + 750 });
    expect(at).toMatchObject({ startsMs: [0], result: "rate_limited", tokens: 99 });
  });

  it("repeats only what was not executed, or nothing, where that is the rule", async () => {
    const rule = { allowed: "only_if_not_executed" } as const;
    expect((await sent([end("failed", { executed: true })], rule)).startsMs).toHaveLength(1);
    expect((await sent([end("failed")], rule)).startsMs).toHaveLength(3);
    expect((await sent([end("failed")], { allowed: "never" })).startsMs).toHaveLength(1);
  });

  it("takes a token for each repeat, and none when it has not sent anything", async () => {
    expect(await sent([end("failed")], { tokens: 1 })).toMatchObject({
      startsMs: [0, 50],
      tokens: 0,
    });
    const held = end("rate_limited", { wasSent: false, retryAfterMs: 10 });
    expect(await sent([held, held, end("ok")], { tokens: 1 })).toMatchObject({
      startsMs: [0, 60, 120],
      result: "ok",
      tokens: 1,
    });
  });

  it("waits for a target that is held sixteen times at most", async () => {
    const held = end("rate_limited", { wasSent: false });
    expect((await sent([held], { maxAttempts: 1 })).startsMs).toHaveLength(16);
  });

  it("hands on the end of what was sent rather than of what was held back after it", async () => {
    const held = end("ignored", { wasSent: false, result: "held" });
    expect((await sent([end("failed"), held])).result).toBe("failed");
    expect((await sent([held])).result).toBe("held");
  });

  it("ends its pause at once when the caller leaves, and leaves no timer", async () => {
    const caller = new AbortController();
    const clock = new FakeClock(START_MS);
    const world = { clock, random: () => 0.5, takeToken: () => true };
    const rules = { allowed: "always", maxAttempts: 3, deadlineAtMs: 99_999 } as const;
    let times = 0;
    const once = async () => {
      times += 1;
      return end("failed", { retryAfterMs: 5_000 });
    };
    const waiting = withRetries(rules, world, caller.signal, once);
    await clock.settle();
    caller.abort();
    expect(await waiting).toBe("failed");
    expect([times, clock.pending, clock.now()]).toEqual([1, 0, START_MS]);
    expect(await sent([end("failed")], { signal: caller.signal })).toMatchObject({
      startsMs: [0],
      tokens: 99,
    });
  });
});
