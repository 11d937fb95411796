/**
 * Sends a call to its tool through the guard: how often it may be sent follows from its effect, the tool's own word and the
 * tenant's policy.
 *
 * A call that only reads is repeated whatever became of it, an idempotent write under the same key; any other write only
 * when its tool provably did nothing. A call that is repeated by whoever makes it is sent once here.
 */

import { EFFECT_RULES } from "../contract/effect-rules.ts";
import type { PlannedCall } from "../contract/planned-call.ts";
import type { ToolDefinition } from "../contract/tool.ts";
import type { Verdict } from "../contract/upstream-session.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import type { Result } from "../platform/result.ts";
import { guard, type GuardFailure } from "../resilience/guard.ts";
import type { RetryRule } from "../resilience/retry.ts";
import type { ToolPorts } from "./tool-ports.ts";

/** A call, ready to be sent. */
export interface SendableCall<T, F> {
  readonly call: PlannedCall;
  readonly definition: ToolDefinition;
  /** Name of its target's breaker. */
  readonly target: string;
  /** An idempotent write carries its key to the tool, or needs none. */
  readonly isKeyed: boolean;
  readonly timeoutMs: number;
  readonly attempt: (signal: AbortSignal) => Promise<Result<T, F>>;
  readonly classify: (result: Result<T, F>) => Verdict;
}

/** Sends it; see above. */
export function sendCall<T, F>(
  { upstreams }: Pick<ToolPorts, "upstreams">,
  sendable: SendableCall<T, F>,
  signal: AbortSignal,
): Promise<Result<T, F | GuardFailure>> {
  const { call, definition, target, timeoutMs, attempt, classify } = sendable;
  const maxAttempts = definition.retry?.max_attempts ?? upstreams.policy.retry.max_attempts;
  return guard<{ readonly id: string }, T, F>(
    {
      targets: [{ id: target }],
      timeoutMs,
      retry: {
        allowed: retryRule(sendable),
        maxAttempts: call.isRepeatedOutside === true ? 1 : maxAttempts,
      },
      attempt: (_, attemptSignal) => attempt(attemptSignal),
      classify,
    },
    { session: upstreams, clock: PLATFORM_CLOCK, random: () => Math.random() },
    signal,
  );
}

function retryRule({
  call,
  isKeyed,
}: Pick<SendableCall<never, never>, "call" | "isKeyed">): RetryRule {
  const { mayRepeat, mayShare } = EFFECT_RULES[call.effect];
  return mayRepeat && (mayShare || isKeyed) ? "always" : "only_if_not_executed";
}
