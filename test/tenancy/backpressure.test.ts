import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";

import type { Limits } from "../../src/contract/limits.ts";
import type { Policy } from "../../src/contract/policy.ts";
import { admitPatiently } from "../../src/tenancy/backpressure.ts";
import type { LimitedTenant } from "../../src/tenancy/limit-draws.ts";
import { defaultPolicy } from "../../src/tenancy/policy.ts";

const CALLER = { keyId: "k", limits: null };
const waitUntil = () => {};

function tenant(limits: Limits, backpressure: Policy["backpressure"]): LimitedTenant {
  const policy = { ...defaultPolicy("robust", "auto"), limits, backpressure };
  return { tenantId: `ten_${crypto.randomUUID()}`, residency: "none", ceiling: {}, policy };
}

function queue(max_queue: number, max_wait_ms: number): NonNullable<Policy["backpressure"]> {
  return { strategy: "queue", max_queue, max_wait_ms };
}

function options(signal: AbortSignal = new AbortController().signal) {
  return { priority: "normal", signal } as const;
}

describe("a queue", () => {
  it("lets requests wait their turn, no more than its bound, and admits no more than the limit", async () => {
    const state = tenant({ requests: [{ limit: 20, window_s: 1, burst: 1 }] }, queue(4, 5000));
    const all = await Promise.all(
      Array.from({ length: 8 }, () => admitPatiently(env, waitUntil, state, CALLER, options())),
    );
    const passed = all.filter(({ ok }) => ok).length;
    expect(passed).toBeGreaterThanOrEqual(4);
    expect(passed).toBeLessThan(8);
  });

  it("refuses at once what would not pass within the wait", async () => {
    const state = tenant({ requests: [{ limit: 1, window_s: 3600 }] }, queue(10, 1000));
    expect((await admitPatiently(env, waitUntil, state, CALLER, options())).ok).toBe(true);
    const refused = await admitPatiently(env, waitUntil, state, CALLER, options());
    expect(refused).toMatchObject({ error: { error: { code: "quota_exceeded" } } });
  });

  it("lets a waiter whose client leaves out at once, with nothing taken, and the next one in", async () => {
    const state = tenant({ concurrent_runs: 1 }, queue(10, 20_000));
    const first = await admitPatiently(env, waitUntil, state, CALLER, options());
    const leaving = new AbortController();
    const second = admitPatiently(env, waitUntil, state, CALLER, options(leaving.signal));
    const third = admitPatiently(env, waitUntil, state, CALLER, options());
    leaving.abort();
    expect(await second).toMatchObject({ ok: false, error: { error: { code: "cancelled" } } });
    if (!first.ok) throw new Error("refused");
    first.value.release();
    expect(await third).toMatchObject({ ok: true });
  });

  it("gives up when the wait is over", async () => {
    const state = tenant({ concurrent_runs: 1 }, queue(10, 100));
    await admitPatiently(env, waitUntil, state, CALLER, options());
    const late = await admitPatiently(env, waitUntil, state, CALLER, options());
    expect(late).toMatchObject({ ok: false, error: { error: { code: "concurrency_exceeded" } } });
  });
});

describe("dropping", () => {
  it("keeps half of a limit from requests of low priority, a tenth from normal ones", async () => {
    const state = tenant(
      { requests: [{ limit: 20, window_s: 3600 }] },
      { strategy: "drop", max_queue: 1, max_wait_ms: 1 },
    );
    const signal = new AbortController().signal;
    const passing = async (priority: "high" | "normal" | "low") => {
      let passed = 0;
      while ((await admitPatiently(env, waitUntil, state, CALLER, { priority, signal })).ok)
        passed += 1;
      return passed;
    };
    expect([await passing("low"), await passing("normal"), await passing("high")]).toEqual([
      11, 8, 1,
    ]);
  });
});
