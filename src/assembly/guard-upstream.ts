/**
 * A request to one of the tenant's model upstreams under guard: retries, breaker and deadline as the tenant's policy has
 * them, and every end as an error a client may see, with the upstream's name.
 *
 * An answer that breaks off after its headers can no longer be repeated, but it counts as a failure of its target. A target
 * that refuses its key is left alone with that key.
 */

import type { GatewayError } from "../contract/error.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { balanceTarget, type BalanceTarget, type ChoiceRecord } from "../contract/balance.ts";
import type { NamedUpstream, Target } from "../contract/upstream.ts";
import type { UpstreamSession } from "../contract/upstream-session.ts";
import { PLATFORM_CLOCK } from "../platform/clock.ts";
import { fail, type Result } from "../platform/result.ts";
import { balancerOf } from "../resilience/balancers.ts";
import { crowdOf } from "../resilience/crowd.ts";
import { guard, type GuardFailure } from "../resilience/guard.ts";
import { type Pacing, pacingOf } from "../resilience/pace.ts";
import type { RetryRule } from "../resilience/retry.ts";
import { breakerGate } from "../tenancy/breaker-gate.ts";
import { upstreamSession } from "../tenancy/upstream-sessions.ts";
import type { OnBroken } from "../upstream/answer-stream.ts";
import { modelVerdict } from "../upstream/model-verdict.ts";
import { readQuota } from "../upstream/quota-headers.ts";
import { ANSWERED } from "../upstream/status-verdict.ts";
import { credentialId } from "./secrets.ts";

/** When it is worth coming back after having been turned away. */
const SHED_RETRY_MS = 1_000;

/** One request of a run to an upstream. */
export interface UpstreamRequest<T> {
  readonly name: NamedUpstream["name"];
  readonly upstream: NamedUpstream["upstream"];
  /** What requests that should meet at one target have in common. */
  readonly affinity: string;
  /** Until the first byte of the answer, all attempts included. */
  readonly timeoutMs: number;
  readonly allowed: RetryRule;
  /**
   * One request. `onBroken` is told when its answer breaks off after its headers; `onHeaders` wants to see these, absent: nobody
   * does.
   */
  readonly attempt: (
    target: Target,
    signal: AbortSignal,
    onBroken: OnBroken,
    onHeaders: ((headers: Headers) => void) | undefined,
  ) => Promise<Result<T, GatewayError>>;
  /** Told which of several targets was chosen, and why. Absent: nobody wants to know. */
  readonly onChoice?: (choice: ChoiceRecord) => void;
}

interface ModelTarget extends BalanceTarget {
  readonly own: Target;
}

/** Whose upstream, and the way to the tenant's gate. `defer` takes work that belongs to no request. */
export interface UpstreamWorld {
  readonly env: Pick<Env, "TENANT_GATE" | "ROLE">;
  readonly snapshot: Pick<TenantSnapshot, "tenantId" | "residency" | "policy" | "secrets">;
  readonly defer: (work: Promise<unknown>) => void;
}

/** Sends it; the caller owns what comes back, such as a stream. Aborting `signal` ends the request. */
export async function guardUpstream<T>(
  { env, snapshot, defer }: UpstreamWorld,
  request: UpstreamRequest<T>,
  signal: AbortSignal,
): Promise<Result<T, GatewayError>> {
  const { tenantId, policy } = snapshot;
  const { resilience } = policy;
  const { name, upstream, affinity, timeoutMs, allowed, attempt, onChoice } = request;
  const targets = upstream.targets.map((own) => ({
    ...balanceTarget(`${name}@${own.id}`, own),
    own,
  }));
  const session = upstreamSession({
    tenantId,
    policy: resilience,
    gate: breakerGate(env, snapshot, defer),
    credentialOf(id) {
      const target = targets.find((one) => one.id === id);
      return target === undefined ? null : credentialId(snapshot, target.own);
    },
  });
  const crowd = crowdOf(tenantId, resilience, { tier: "interactive", run: affinity });
  const pacing = pacingOf(tenantId, policy.backpressure);
  const asked = await guard<ModelTarget, T, GatewayError>(
    {
      targets,
      balance: {
        balancer: balancerOf(tenantId, name, targets.length, PLATFORM_CLOCK.now()),
        strategy: upstream.strategy ?? "peak_ewma",
        key: affinity,
        ...(onChoice !== undefined && { onChoice }),
      },
      timeoutMs,
      retry: { allowed, maxAttempts: resilience.retry.max_attempts },
      crowd: pacing === null ? crowd : pacing.enter(crowd),
      attempt: ({ id, own }, attemptSignal) =>
        attempt(
          own,
          attemptSignal,
          (error) => brokeOff(session, id, named(name, error)),
          pacing === null ? undefined : quotaReader(pacing, id),
        ),
      classify: (result) => (result.ok ? ANSWERED : modelVerdict(result.error)),
    },
    { session, clock: PLATFORM_CLOCK, random: () => Math.random() },
    signal,
  );
  if (asked.ok) return asked;
  if (!("code" in asked.error)) return fail(errorOf(name, asked.error));
  const waitMs = targets.length > 1 ? parkedMs(session, targets) : null;
  return fail(waitMs === null ? named(name, asked.error) : exhausted(name, waitMs));
}

/** The error with the upstream's name, where it speaks of one. */
function named(upstream: string, error: GatewayError): GatewayError {
  const isNameless =
    error.code === "upstream_unreachable" ||
    error.code === "upstream_timeout" ||
    error.code === "upstream_invalid_response" ||
    error.code === "upstream_rejected";
  return isNameless ? { ...error, upstream } : error;
}

/** An answer broke off whose headers had been counted as a success. */
function brokeOff(session: UpstreamSession, target: string, error: GatewayError): GatewayError {
  const verdict = modelVerdict(error);
  const isSilence = verdict.class === "timed_out";
  const isLate = { target, probe: null, isLeased: false };
  session.report(isLate, isSilence ? { ...verdict, class: "failed" } : verdict, 0);
  return error;
}

/** When the first of the targets may be tried again, if all of them have refused their keys; else null. */
function parkedMs(session: UpstreamSession, targets: readonly ModelTarget[]): number | null {
  const waits = targets.map(({ id }) => {
    const held = session.held(id);
    return held?.cause === "credential" ? held.retryAfterMs : null;
  });
  return waits.includes(null) ? null : Math.min(...waits.filter((wait) => wait !== null));
}

function exhausted(upstream: string, retryAfterMs: number): GatewayError {
  const code = "upstream_credentials_exhausted";
  return { code, upstream, retryAfterMs: Math.ceil(retryAfterMs) };
}

/** An end that the guard decided, as a client sees it. */
function errorOf(upstream: string, failure: GuardFailure): GatewayError {
  switch (failure.kind) {
    case "timeout":
      return { code: "upstream_timeout", upstream };
    case "aborted":
      return { code: "cancelled" };
    case "shed":
      return { code: "upstream_overloaded", upstream, retryAfterMs: SHED_RETRY_MS };
    case "held": {
      const retryAfterMs = Math.ceil(failure.retryAfterMs);
      if (failure.cause === "credential") return exhausted(upstream, retryAfterMs);
      return failure.cause === "circuit_open"
        ? { code: "circuit_open", upstream, retryAfterMs }
        : { code: "upstream_rate_limited", upstream, retryAfterMs };
    }
  }
}

/** Tells the pacing what a target's headers say is left. */
function quotaReader(pacing: Pacing, target: string): (headers: Headers) => void {
  return (headers) =>
    pacing.told(
      target,
      readQuota((header) => headers.get(header), PLATFORM_CLOCK.now()),
    );
}
