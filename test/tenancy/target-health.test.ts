import { expect, it } from "vitest";

import type { SharedBreaker } from "../../src/contract/breaker.ts";
import type { ResiliencePolicy } from "../../src/contract/resilience-policy.ts";
import type { Verdict } from "../../src/contract/upstream-session.ts";
import { type SentUnder, TargetHealth } from "../../src/tenancy/target-health.ts";

const POLICY: ResiliencePolicy = {
  retry: { max_attempts: 3, budget: 0.1 },
  hedge: { enabled: true, quantile: 0.95, budget: 0.05 },
  breaker: { enabled: true },
  concurrency: "off",
};
const UNDER: SentUnder = { policy: POLICY, credentialOf: () => null };
const FAILED: Verdict = { class: "failed", retryAfterMs: null, executed: true };
const GOOD: Verdict = { class: "ok", retryAfterMs: null, executed: true };
const HALF_OPEN: SharedBreaker = {
  target: "a",
  epoch: 4,
  phase: "half_open",
  forced: null,
  openForMs: 0,
  openMs: 5_000,
  cause: "failures",
};

it("asks with a good probe of its own how the gate stands, and goes on with it instead of alone", () => {
  const health = new TargetHealth("a", 0, () => 0.5);
  const send = (verdict: Verdict, nowMs: number): void => {
    const probe = health.lease(1_000, nowMs);
    health.report({ target: "a", probe, isLeased: false }, verdict, 10, UNDER, nowMs);
  };
  for (let n = 0; n < 5; n += 1) send(FAILED, 0);
  // The gate counts it to what others had that was good, and opens only later.
  expect(health.collect(0)).toMatchObject({ good: 0, bad: 5 });
  health.heard(0, null, 0);
  expect(health.held(0, UNDER.credentialOf)).toMatchObject({ cause: "circuit_open" });
  expect(health.held(5_000, UNDER.credentialOf)).toBeNull();
  expect(health.isDue(5_000)).toBe(false);
  send(GOOD, 5_000);
  expect(health.isDue(5_000)).toBe(true);
  // A probe is no call that the gate should count.
  expect(health.collect(5_000)).toMatchObject({ good: 0, bad: 0, answers: [] });
  health.heard(0, HALF_OPEN, 5_000);
  expect(health.held(5_000, UNDER.credentialOf)).toMatchObject({ mayProbe: true });
  health.heard(0, null, 6_000);
  expect(health.held(6_000, UNDER.credentialOf)).toBeNull();
  expect(health.lease(1_000, 6_000)).toBeNull();
});
