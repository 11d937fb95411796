/**
 * The upstream session of a tenant's calls in this isolate; see `UpstreamSession` for what it is asked.
 *
 * What it knows is the isolate's, by tenant and target, and bounded: the target that was asked least lately is forgotten.
 * One tenant's failures say nothing about another's upstream, even where both are the same server.
 */

import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { UpstreamSession } from "../contract/upstream-session.ts";
import { BoundedMap } from "../platform/bounded-map.ts";
import { TargetHealth } from "./target-health.ts";

/** Targets of all tenants that an isolate knows; each takes about a kilobyte once it was measured. */
export const MAX_KNOWN_TARGETS = 4_000;

/** A target that was not asked for so long is forgotten; longer than a breaker can be open. */
const FORGOTTEN_AFTER_MS = 3_600_000;

const known = new BoundedMap<string, TargetHealth>(MAX_KNOWN_TARGETS);

/** The session of one tenant under its policy. */
export function upstreamSession(
  tenantId: string,
  policy: ResiliencePolicy,
  now: () => number = () => Date.now(),
  random: () => number = () => Math.random(),
): UpstreamSession {
  const keyOf = (target: string) => `${tenantId}/${target}`;
  const healthOf = (target: string): TargetHealth => {
    const nowMs = now();
    const health = known.get(keyOf(target), nowMs) ?? new TargetHealth(nowMs, random);
    known.set(keyOf(target), health, nowMs + FORGOTTEN_AFTER_MS);
    return health;
  };
  return {
    policy,
    held(target) {
      if (!policy.breaker.enabled) return null;
      const nowMs = now();
      return known.get(keyOf(target), nowMs)?.held(nowMs) ?? null;
    },
    enter(target, timeoutMs) {
      if (!policy.breaker.enabled) return { target, probe: null };
      return { target, probe: healthOf(target).lease(timeoutMs, now()) };
    },
    report(pass, verdict, durationMs) {
      healthOf(pass.target).report(pass, verdict, durationMs, policy, now());
    },
    takeRetryToken: (target) => healthOf(target).takeRetryToken(now()),
  };
}
