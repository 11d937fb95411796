/**
 * Sends a call to its tool through the guard: how often it may be sent follows from its effect, the tool's own word and the
 * tenant's policy.
 *
 * A call that only reads is repeated whatever became of it, an idempotent write under the same key; any other write only
 * when its tool provably did nothing. A call that is repeated by whoever makes it is sent once here.
 */

import type { BalanceTarget, ChoiceRecord } from "../contract/balance.ts";
import { EFFECT_RULES } from "../contract/effect-rules.ts";
import type { PlannedCall } from "../contract/planned-call.ts";
import type { ResiliencePolicy } from "../contract/resilience-policy.ts";
import type { ToolDefinition } from "../contract/tool.ts";
import type { Verdict } from "../contract/upstream-session.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import type { Result } from "../platform/result.ts";
import { balancerOf } from "../resilience/balancers.ts";
import { crowdOf, type EnterCrowd, type Rank } from "../resilience/crowd.ts";
import { guard, type GuardFailure } from "../resilience/guard.ts";
import type { RetryRule } from "../resilience/retry.ts";
import type { ToolPorts } from "./tool-ports.ts";

/** A call, ready to be sent. */
export interface SendableCall<Target extends BalanceTarget, T, F> {
  readonly call: PlannedCall;
  readonly definition: ToolDefinition;
  /** Where it may go, by the names of their breakers; at least one. */
  readonly targets: readonly Target[];
  /** An idempotent write carries its key to the tool, or needs none. */
  readonly isKeyed: boolean;
  readonly timeoutMs: number;
  /** Told when a second request is sent beside a slow one. */
  readonly onHedge: () => void;
  readonly attempt: (target: Target, signal: AbortSignal) => Promise<Result<T, F>>;
  readonly classify: (result: Result<T, F>) => Verdict;
  /** Told which of several targets was chosen, and why. Absent: nobody wants to know. */
  readonly onChoice?: (choice: ChoiceRecord) => void;
}

/** Sends it; see above. */
export function sendCall<Target extends BalanceTarget, T, F>(
  ports: Pick<ToolPorts, "upstreams" | "mcp" | "spare" | "rank" | "pacing">,
  sendable: SendableCall<Target, T, F>,
  signal: AbortSignal,
): Promise<Result<T, F | GuardFailure>> {
  const { upstreams, mcp, spare, rank, pacing } = ports;
  const { call, definition, targets, timeoutMs, attempt, classify, onChoice, onHedge } = sendable;
  const nowMs = PLATFORM_CLOCK.now();
  const crowd = crowdFor(upstreams.policy, mcp.tenantId, call, rank);
  const maxAttempts = definition.retry?.max_attempts ?? upstreams.policy.retry.max_attempts;
  return guard<Target, T, F>(
    {
      targets,
      balance: {
        balancer: balancerOf(mcp.tenantId, `tool:${call.tool}`, targets.length, nowMs),
        strategy: definition.http?.strategy ?? "peak_ewma",
        key: targets.length === 1 ? "" : JSON.stringify(call.arguments),
        ...(onChoice !== undefined && { onChoice }),
      },
      timeoutMs,
      retry: {
        allowed: retryRule(sendable),
        maxAttempts: call.isRepeatedOutside === true ? 1 : maxAttempts,
      },
      ...(isHedged(sendable, upstreams) && { hedge: { spare: spare ?? null, onHedge } }),
      crowd: pacing === undefined ? crowd : pacing.enter(crowd),
      attempt,
      classify,
    },
    { session: upstreams, clock: PLATFORM_CLOCK, random: () => Math.random() },
    signal,
  );
}

/** Only what may be repeated whatever became of it, and is not repeated by somebody else. */
function isHedged<Target extends BalanceTarget, T, F>(
  sendable: SendableCall<Target, T, F>,
  { policy }: ToolPorts["upstreams"],
): boolean {
  const isWanted = sendable.definition.hedge?.enabled ?? policy.hedge.enabled;
  return isWanted && retryRule(sendable) === "always";
}

function crowdFor(
  policy: ResiliencePolicy,
  tenantId: string,
  { isTentative }: PlannedCall,
  rank: Rank | undefined,
): EnterCrowd | null {
  if (rank === undefined) return null;
  return crowdOf(tenantId, policy, isTentative === true ? { ...rank, tier: "spare" } : rank);
}

function retryRule({
  call,
  isKeyed,
}: Pick<SendableCall<never, never, never>, "call" | "isKeyed">): RetryRule {
  const { mayRepeat, mayShare } = EFFECT_RULES[call.effect];
  return mayRepeat && (mayShare || isKeyed) ? "always" : "only_if_not_executed";
}
