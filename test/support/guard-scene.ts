/** A guarded call whose answers are scripted, on a clock that the test moves. */

import { balanceTarget, type BalanceTarget } from "../../src/contract/balance.ts";
import type { ResiliencePolicy } from "../../src/contract/resilience-policy.ts";
import type { Verdict } from "../../src/contract/upstream-session.ts";
import { FakeClock } from "../../src/library/testing/fake-clock.ts";
import { ok, type Result } from "../../src/platform/result.ts";
import { Balancer } from "../../src/resilience/balancer.ts";
import { guard, type GuardedCall, type GuardWorld } from "../../src/resilience/guard.ts";
import { upstreamSession } from "../../src/tenancy/upstream-sessions.ts";

/** What an attempt answers: an HTTP status, with its `Retry-After`. */
export interface Answer {
  readonly status: number;
  readonly retryAfterMs?: number;
}

/** A guarded call of the scene. */
export type Call = GuardedCall<BalanceTarget, Answer, never>;

/** A call whose targets need nothing but their names: they are asked in their order. */
type Overrides = Partial<Omit<Call, "targets">> & {
  readonly targets?: readonly { readonly id: string }[];
};

/** Retries and breakers on, as by default. */
export const POLICY: ResiliencePolicy = {
  retry: { max_attempts: 3, budget: 0.1 },
  hedge: { enabled: true, quantile: 0.95, budget: 0.05 },
  breaker: { enabled: true },
  concurrency: "off",
};

let tenants = 0;

/** A world of its own for a new tenant. */
export function world(policy = POLICY, clock = new FakeClock()): GuardWorld & { clock: FakeClock } {
  tenants += 1;
  const session = upstreamSession({
    tenantId: `guard_${tenants}`,
    policy,
    now: () => clock.now(),
    random: () => 0.5,
  });
  return { session, clock, random: () => 0.5 };
}

function verdict(result: Result<Answer, never>): Verdict {
  if (!result.ok) throw new Error("never");
  const { status, retryAfterMs = null } = result.value;
  if (status < 400) return { class: "ok", retryAfterMs: null, executed: true };
  if (status === 429) return { class: "rate_limited", retryAfterMs, executed: false };
  if (status === 401) return { class: "credential", retryAfterMs: null, executed: true };
  return { class: status >= 500 ? "failed" : "ignored", retryAfterMs, executed: true };
}

/** A call whose attempts give these answers in turn, the last one again and again. */
export function scripted(
  answers: readonly Answer[],
  { targets = [{ id: "a" }], ...overrides }: Overrides = {},
) {
  const asked: string[] = [];
  const call: Call = {
    targets: targets.map(({ id }) => balanceTarget(id, {})),
    balance: { balancer: new Balancer(), strategy: "priority", key: "" },
    timeoutMs: 10_000,
    retry: { allowed: "always", maxAttempts: 3 },
    attempt: async ({ id }) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? { status: 200 };
      asked.push(id);
      return ok(answer);
    },
    classify: verdict,
    ...overrides,
  };
  return { asked, call };
}

/** Nobody leaves. */
export const HERE = new AbortController().signal;

/** Makes the call, moving time as far as it needs. */
export async function run(call: Call, at: ReturnType<typeof world>, signal = HERE) {
  return at.clock.runUntil(guard(call, at, signal));
}
