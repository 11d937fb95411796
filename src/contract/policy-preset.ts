/**
 * Presets: the complete policy of each profile. Every profile limits requests; what a tenant removes from its policy
 * goes back to its profile's preset, so a policy is complete at all times.
 */

import type { Policy, Profile } from "./policy.ts";
import { MAX_ATTEMPTS } from "./resilience-policy.ts";

/** Between two comments on a silent stream: deployed, and in development, where only the next write shows that a client left. */
const HEARTBEAT_MS = 2000;
const DEVELOPMENT_HEARTBEAT_MS = 100;

/** The policy of a profile. `role` is the deployment's `ROLE`. */
export function presetPolicy(profile: Profile, locale: string, role: string): Policy {
  return {
    profile,
    limits: {
      requests: [{ limit: 6000, window_s: 60, burst: 1000 }],
      concurrent_runs: 200,
      when_unreachable: "safe_share",
    },
    runs: {
      max_turns: 8,
      max_calls: 256,
      max_parallel: 64,
      deadline_ms: 60_000,
      heartbeat_ms: role === "development" ? DEVELOPMENT_HEARTBEAT_MS : HEARTBEAT_MS,
      early_start: profile !== "simple",
      speculation: { enabled: false, budget: 0.1, confidence_threshold: 0.7 },
      model_timeout_ms: 30_000,
      caps: { tags: {}, hosts: {}, groups: {} },
      references: "auto",
      tool_search_above: 64,
    },
    backpressure: { strategy: "fail_fast", max_queue: 500, max_wait_ms: 2000 },
    resilience: {
      // A client of `simple` sees each failure as it comes, and repeats by itself what it wants repeated.
      retry: { max_attempts: profile === "simple" ? 1 : MAX_ATTEMPTS, budget: 0.1 },
      hedge: { enabled: profile !== "simple", quantile: 0.95, budget: 0.05 },
      breaker: { enabled: profile !== "simple" },
      concurrency: profile === "simple" ? "off" : "adaptive",
    },
    results: { max_tokens_per_turn: 8000, keep_s: 86_400 },
    cache: { enabled: profile !== "simple" },
    locale,
  };
}
