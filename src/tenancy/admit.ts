/**
 * Admit: whether a request may pass its tenant's limits, held as a session while its run goes on.
 *
 * The operator's ceiling, the tenant's policy and the key's own limits are checked together and spent together. Steady traffic
 * is decided here, from what the gate has lent this isolate, without waiting for anything; what is not held is asked of the
 * gate, which debits all or nothing. A tenant without any limit costs no call. When the gate cannot be reached the isolate goes on
 * at the rate it was last lent, and refuses beyond.
 */

import type { LeaseHolder, RateDraw } from "../algorithms/lease-holder.ts";
import { LEAST_DENIAL_MS } from "../algorithms/lease-size.ts";
import type { Admission, AdmissionRequest, GateSession, RateView } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { Limits, RequestLimit } from "../contract/limits.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { exchangeIfDue, isGateResting, noteGateFailure } from "./gate-link.ts";
import { leaseMs, leasesOf, noteRoundTrip, type TenantLeases } from "./lease-part.ts";
import { gateObject } from "./objects.ts";

/** A permit outlives its run's deadline by this, then ends by itself. */
const PERMIT_GRACE_MS = 10_000;

/** A client refused for concurrency is told at most this: runs end long before their permits would by themselves. */
const MAX_CONCURRENCY_RETRY_MS = 1000;

/** How often a lingering request looks whether permits lie unused, and how often it does so: less than the 30 s it may live on. */
const LINGER_MS = 1200;
const MAX_LINGERS = 20;

/** When a client should come back while the gate cannot be reached. */
const UNREACHABLE_RETRY_MS = 1000;

/** A refusal and how the rate limits stand. */
export interface Refusal {
  readonly error: GatewayError;
  readonly rates: readonly RateView[];
}

type GateEnv = Pick<Env, "TENANT_GATE" | "ROLE">;
type WaitUntil = (work: Promise<unknown>) => void;

/** How the caller will use its session. */
export interface AdmitOptions {
  /** The permit goes to another owner, so it must be one the gate knows by name. */
  readonly handsOver?: true;
}

/** The session of an admitted request; the caller owns it and releases it when its run has ended. */
export async function admit(
  env: GateEnv,
  waitUntil: WaitUntil,
  snapshot: TenantSnapshot,
  key: KeyRecord,
  options: AdmitOptions = {},
): Promise<Result<GateSession, Refusal>> {
  const request = admissionRequest(snapshot, key);
  if (request.rates.length === 0 && request.concurrency.length === 0) {
    return ok({ rates: [], release: () => {}, handOver: () => null });
  }
  const nowMs = Date.now();
  const { tenantId } = snapshot;
  const leases = leasesOf(tenantId, nowMs);
  leases.permitTtlMs = request.permitTtlMs;
  const draws = request.rates.map((rate) => ({ cost: 1, ...rate }));
  const passing = { env, waitUntil, snapshot, request, draws, leases };
  const life = { permitTtlMs: request.permitTtlMs, ttlMs: leaseMs(leases) };
  if (options.handsOver !== true) {
    const drawn = leases.holder.draw(draws, request.concurrency, life, nowMs);
    if (drawn.kind !== "unknown") exchangeIfDue(env, snapshot, waitUntil, nowMs);
    if (drawn.kind === "passed") return ok(lentSession(passing, drawn.giveBack, nowMs));
    if (drawn.kind === "refused") {
      const { limit, waitMs: retryAfterMs } = drawn;
      const error = { code: "quota_exceeded" as const, limit, retryAfterMs };
      return fail({ error, rates: viewsOf(leases.holder, request, nowMs) });
    }
  }
  return askGate(passing, nowMs);
}

interface Passing {
  readonly env: GateEnv;
  readonly waitUntil: WaitUntil;
  readonly snapshot: TenantSnapshot;
  readonly request: AdmissionRequest;
  readonly draws: readonly RateDraw<RequestLimit>[];
  readonly leases: TenantLeases;
}

/** Lets the gate decide about all limits at once. */
async function askGate(passing: Passing, sentAtMs: number): Promise<Result<GateSession, Refusal>> {
  const { env, waitUntil, snapshot, request, draws, leases } = passing;
  const { tenantId, residency } = snapshot;
  if (isGateResting(tenantId, sentAtMs)) {
    const onCredit = onShare(passing, sentAtMs);
    if (onCredit.ok) return onCredit;
  }
  const gate = gateObject(env, residency, tenantId);
  const reached = await reachObject<Admission>(async () => await gate.admit(request));
  const nowMs = Date.now();
  if (!reached.ok) {
    noteGateFailure(tenantId, nowMs);
    return onShare(passing, nowMs);
  }
  noteRoundTrip(leases, nowMs - sentAtMs);
  const admission = reached.value;
  const rates = admission.ok ? admission.value.rates : admission.error.rates;
  for (const view of rates) leases.holder.view(view.id, view, nowMs);
  exchangeIfDue(env, snapshot, waitUntil, nowMs);
  if (admission.ok) return ok(ownSession(passing, admission.value));
  const { code, limit, retryAfterMs } = admission.error;
  const told =
    code === "quota_exceeded"
      ? holdRefusal(leases.holder, draws, admission.error, nowMs)
      : Math.min(retryAfterMs, MAX_CONCURRENCY_RETRY_MS);
  return fail({ error: { code, limit, retryAfterMs: told }, rates });
}

/** Repeats the gate's refusal here until it is over: a flood asks a few times a second, not once a request. */
function holdRefusal(
  holder: LeaseHolder<RequestLimit>,
  draws: readonly RateDraw<RequestLimit>[],
  { limit, retryAfterMs }: { readonly limit: string; readonly retryAfterMs: number },
  nowMs: number,
): number {
  const draw = draws.find(({ id }) => id === limit);
  if (draw === undefined) return retryAfterMs;
  // Not so long that the bucket would overflow meanwhile.
  const { limit: quota, window_s, burst = quota } = draw.limit;
  const leastMs = Math.min(LEAST_DENIAL_MS, Math.ceil((burst * window_s * 250) / quota));
  return holder.refused(draw, retryAfterMs, leastMs, nowMs);
}

/** While the gate cannot be reached: at most what was lent before, on credit; nothing was lent, nothing passes. */
function onShare(passing: Passing, nowMs: number): Result<GateSession, Refusal> {
  const { request, draws, leases } = passing;
  const giveBack = leases.holder.drawShare(draws, request.concurrency, request.permitTtlMs, nowMs);
  if (giveBack !== null) return ok(lentSession(passing, giveBack, nowMs));
  return fail({ error: { code: "unavailable", retryAfterMs: UNREACHABLE_RETRY_MS }, rates: [] });
}

/** A session on what this isolate was lent. Its release is a matter of this isolate alone. */
function lentSession(passing: Passing, giveBack: () => void, nowMs: number): GateSession {
  const { request, leases } = passing;
  return {
    rates: viewsOf(leases.holder, request, nowMs),
    release: () => {
      giveBack();
      if (request.concurrency.length > 0) lingerOnce(passing);
    },
    handOver: () => null,
  };
}

/** A session whose permit the gate knows by name. */
function ownSession(
  { env, waitUntil, snapshot }: Passing,
  granted: { readonly permit: string | null; readonly rates: readonly RateView[] },
): GateSession {
  let { permit } = granted;
  return {
    rates: granted.rates,
    release: () => {
      if (permit === null) return;
      // Work that outlives the request must not use a stub of before its end, so the gate is named again.
      const gate = gateObject(env, snapshot.residency, snapshot.tenantId);
      // A permit whose release is lost ends by itself.
      waitUntil(gate.release(permit).catch(() => {}));
      permit = null;
    },
    handOver: () => {
      const given = permit;
      permit = null;
      return given;
    },
  };
}

/** One request at a time stays until nothing was asked for a second, to give the permits back that nobody uses. */
function lingerOnce({ env, waitUntil, snapshot, leases }: Passing): void {
  if (leases.lingersUntilMs > Date.now()) return;
  const linger = async () => {
    for (let n = 0; n < MAX_LINGERS; n += 1) {
      leases.lingersUntilMs = Date.now() + 2 * LINGER_MS;
      await scheduler.wait(LINGER_MS);
      if (!leases.holder.hasIdlePermits(Date.now())) continue;
      exchangeIfDue(env, snapshot, waitUntil, Date.now());
      break;
    }
    leases.lingersUntilMs = 0;
  };
  waitUntil(linger());
}

function viewsOf(
  holder: LeaseHolder<RequestLimit>,
  { rates }: AdmissionRequest,
  nowMs: number,
): readonly RateView[] {
  return rates.map(({ id, limit }) => {
    const { remaining, resetMs } = holder.known(id, nowMs);
    const most = limit.burst ?? limit.limit;
    const left = Math.min(most, remaining);
    return { id, limit: limit.limit, windowS: limit.window_s, remaining: left, resetMs };
  });
}

/** Every limit the request must pass. The id names a bucket for good, so it carries level, key and window. */
export function admissionRequest(snapshot: TenantSnapshot, key: KeyRecord): AdmissionRequest {
  const levels: readonly (readonly [string, Limits])[] = [
    ["operator", snapshot.ceiling],
    ["tenant", snapshot.policy.limits],
    [`key:${key.keyId}`, key.limits ?? {}],
  ];
  return {
    rates: levels.flatMap(([level, limits]) => ratesOf(level, limits)),
    concurrency: levels.flatMap(([level, { concurrent_runs: max }]) =>
      max === undefined ? [] : [{ id: level, max }],
    ),
    permitTtlMs: snapshot.policy.runs.deadline_ms + PERMIT_GRACE_MS,
  };
}

function ratesOf(level: string, limits: Limits): AdmissionRequest["rates"] {
  const seen = new Map<number, number>();
  return (limits.requests ?? []).map((limit) => {
    const nth = (seen.get(limit.window_s) ?? 0) + 1;
    seen.set(limit.window_s, nth);
    // Two limits of one window differ in burst only; each has its own bucket.
    const id = nth === 1 ? `${level}:${limit.window_s}` : `${level}:${limit.window_s}:${nth}`;
    return { id, limit };
  });
}
