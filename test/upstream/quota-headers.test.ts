import { constantFrom, dictionary, property, assert, string } from "fast-check";
import { describe, expect, it } from "vitest";

import { readQuota } from "../../src/upstream/quota-headers.ts";

const NOW_MS = Date.parse("2026-11-23T08:00:00Z");

function quotaOf(headers: Readonly<Record<string, string>>) {
  return readQuota((name) => headers[name] ?? null, NOW_MS);
}

function requests(limit: string, remaining: string, reset: string) {
  return quotaOf({
    "x-ratelimit-limit-requests": limit,
    "x-ratelimit-remaining-requests": remaining,
    "x-ratelimit-reset-requests": reset,
  });
}

describe("readQuota", () => {
  it("reads the IETF's RateLimit: of several the one with least left, without t by its policy's window", () => {
    expect(quotaOf({ ratelimit: `"a";r=50;t=30` })).toEqual({
      perMs: 50 / 30_000,
      forMs: 30_000,
      isSpent: false,
    });
    expect(quotaOf({ ratelimit: `"day";r=900;t=4000, "min";r=6;t=30` })?.perMs).toBe(6 / 30_000);
    const policy = `"min";q=60;w=60, "day";q=1000;w=86400`;
    expect(quotaOf({ "ratelimit-policy": policy, ratelimit: `"min";r=0` })).toEqual({
      perMs: 0,
      forMs: 60_000,
      isSpent: false,
    });
    expect(quotaOf({ ratelimit: `"min";r=3` })).toBeNull();
  });

  it("reads the three headers of older drafts and of many servers, with seconds or a time of the epoch", () => {
    const named = (prefix: string, reset: string) =>
      quotaOf({ [`${prefix}remaining`]: "10", [`${prefix}reset`]: reset });
    expect(named("ratelimit-", "5")?.perMs).toBe(10 / 5000);
    expect(named("x-ratelimit-", "2.5")?.perMs).toBe(10 / 2500);
    expect(named("x-ratelimit-", String(NOW_MS / 1000 + 20))?.perMs).toBe(10 / 20_000);
  });

  it("reads what model providers send, and believes a bucket's refill where the limit is named", () => {
    expect(requests("60", "59", "1s")?.perMs).toBe(59 / 1000);
    expect(requests("60", "0", "1m0s")?.perMs).toBe(60 / 60_000);
    expect(requests("60", "30", "120ms")?.perMs).toBe(30 / 120);
    expect(requests("60", "30", "1h2m3.5s")?.forMs).toBe(60_000);
    const anthropic = quotaOf({
      "anthropic-ratelimit-requests-limit": "50",
      "anthropic-ratelimit-requests-remaining": "20",
      "anthropic-ratelimit-requests-reset": "2026-11-23T08:00:30Z",
    });
    expect(anthropic).toEqual({ perMs: 30 / 30_000, forMs: 30_000, isSpent: false });
  });

  it("says when tokens are used up, and nothing of how many there are", () => {
    const tokens = (remaining: string) =>
      quotaOf({ "x-ratelimit-remaining-tokens": remaining, "x-ratelimit-reset-tokens": "6s" });
    expect(tokens("1")).toBeNull();
    expect(tokens("0")).toEqual({ perMs: null, forMs: 0, isSpent: true });
  });

  it("takes nothing from what it cannot read, and a reset in the past for one right now", () => {
    for (const [left, reset] of [
      ["-1", "1s"],
      ["1.5", "1s"],
      ["", "1s"],
      ["5", ""],
      ["5", "soon"],
      ["5", "2026-99-99T00:00:00Z"],
      ["5", "-3"],
      ["9".repeat(16), "1s"],
    ] as const)
      expect(requests("60", left, reset)).toBeNull();
    expect(requests("60", "5", "2026-11-23T07:00:00Z")).toMatchObject({ perMs: 55, forMs: 1 });
  });

  it("never throws, and never says more than a minute or less than nothing, whatever is sent", () => {
    const names = constantFrom(
      "ratelimit",
      "ratelimit-policy",
      "x-ratelimit-limit-requests",
      "x-ratelimit-remaining-requests",
      "x-ratelimit-reset-requests",
    );
    const values = string({ unit: constantFrom(...'0123456789";=rtqw.smh- ,'.split("")) });
    assert(
      property(dictionary(names, values), (headers) => {
        const quota = quotaOf(headers);
        expect(quota?.perMs ?? 0).toBeGreaterThanOrEqual(0);
        expect(quota?.forMs ?? 0).toBeLessThanOrEqual(60_000);
      }),
      { seed: 20_261_123, numRuns: 1_000 },
    );
  });
});
