/**
 * LimitedLanes: every call of a tool under its tenant's limits on calls: of all tools, of its tool, of its group, and of how many go on at
 * once. A call that is refused is not made and says `rate_limited`, with when it would pass.
 */

import type { Caller } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import type { CallOutcome } from "../contract/run.ts";
import { decorateLanes } from "../orchestration/journal/decorate-lanes.ts";
import type { LanePool } from "../orchestration/ports.ts";
import { callDraws } from "../tenancy/limit-draws.ts";
import { passLimits } from "../tenancy/pass-limits.ts";
import type { RunContext } from "./run-context.ts";

/** A permit outlives its call by this, then ends by itself. */
const PERMIT_GRACE_MS = 5000;

/** A run of before a release says nothing of its caller; the limits of its tenant hold all the same. */
export const UNKNOWN_CALLER: Caller = { keyId: "unknown", limits: null };

/** The same lanes, with every call under the limits. */
export function limitedLanes(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  { snapshot, caller = UNKNOWN_CALLER }: RunContext,
  defer: (work: Promise<unknown>) => void,
  pool: LanePool,
): LanePool {
  return decorateLanes(pool, {
    async run(lane, call, timeoutMs, signal) {
      const draws = callDraws(snapshot, caller, call);
      if (draws.rates.length === 0 && draws.concurrency.length === 0)
        return lane.run(call, timeoutMs, signal);
      const request = { ...draws, permitTtlMs: timeoutMs + PERMIT_GRACE_MS };
      const passed = await passLimits(env, defer, snapshot, request);
      if (!passed.ok) return refusedCall(passed.error.error);
      try {
        return await lane.run(call, timeoutMs, signal);
      } finally {
        passed.value.release();
      }
    },
  });
}

function refusedCall(error: GatewayError): CallOutcome {
  const limit = "limit" in error ? `The limit "${error.limit}" is used up for now.` : "Not now.";
  return {
    status: "rate_limited",
    error: {
      code: "rate_limited",
      message: limit,
      ...("retryAfterMs" in error &&
        error.retryAfterMs !== null && { retry_after_ms: error.retryAfterMs }),
    },
    cache: "bypass",
    attempts: 0,
  };
}
