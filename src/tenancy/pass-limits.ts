/**
 * PassLimits: whether something may pass its tenant's limits, held as a session while it goes on.
 *
 * All limits are checked together and spent together. Steady traffic is decided here, from what the gate has lent this
 * isolate, without waiting for anything; what is not held is asked of the gate, which debits all or nothing. When the gate
 * cannot be reached the policy says what passes. A limit that only counts (`shadow`) refuses nothing: what it is charged the gate
 * learns later.
 */

import type { LeaseHolder, RateDraw } from "../algorithms/lease-holder.ts";
import { LEAST_DENIAL_MS } from "../algorithms/lease-size.ts";
import { bucketOf } from "../algorithms/rate-promise.ts";
import type { Admission, AdmissionRequest, GateSession, RateView } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import type { RequestLimit, WhenUnreachable } from "../contract/limits.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { exchangeIfDue, isGateResting, noteGateFailure, type GateOwner } from "./gate-link.ts";
import { leaseMs, leasesOf, noteRoundTrip, type TenantLeases } from "./lease-part.ts";
import { gateObject } from "./objects.ts";
import { passUnreachable } from "./while-unreachable.ts";

/** A client refused for concurrency is told at most this: runs end long before their permits would by themselves. */
const MAX_CONCURRENCY_RETRY_MS = 1000;

/** How often a lingering request looks whether anything lies unused, and how often it does so: less than the 30 s it may live on. */
const LINGER_MS = 300;
const MAX_LINGERS = 90;

/** What is owed is told after so long at the latest. */
const TELL_MS = 300;

/** When a client should come back while the gate cannot be reached. */
const UNREACHABLE_RETRY_MS = 1000;

/** A refusal and how the rate limits stand. */
export interface Refusal {
  readonly error: GatewayError;
  readonly rates: readonly RateView[];
}

/** The bindings the gate is reached by. */
export type GateEnv = Pick<Env, "TENANT_GATE" | "ROLE">;

/** Takes work that may outlive the request. */
export type WaitUntil = (work: Promise<unknown>) => void;

/** How the caller will use its session. */
export interface PassOptions {
  /** The permit goes to another owner, so it must be one the gate knows by name. */
  readonly handsOver?: true;
}

/** Whose limits, and what its policy says of a gate that cannot be reached; absent: `safe_share`. */
interface LimitsOwner extends GateOwner {
  readonly policy: { readonly limits: { readonly when_unreachable?: WhenUnreachable | undefined } };
}

/** The session of what passed; the caller owns it and releases it when it has ended. */
export async function passLimits(
  env: GateEnv,
  waitUntil: WaitUntil,
  owner: LimitsOwner,
  all: AdmissionRequest,
  options: PassOptions = {},
): Promise<Result<GateSession, Refusal>> {
  if (all.rates.length === 0 && all.concurrency.length === 0) {
    return ok({ rates: [], release: () => {}, handOver: () => null });
  }
  const nowMs = Date.now();
  const leases = leasesOf(owner.tenantId, nowMs);
  leases.permitTtlMs = Math.max(leases.permitTtlMs, all.permitTtlMs);
  const counted = all.rates.filter(({ limit }) => limit.shadow === true).map(drawOf);
  const request = { ...all, rates: all.rates.filter(({ limit }) => limit.shadow !== true) };
  const draws = request.rates.map(drawOf);
  const passing = { env, waitUntil, owner, request, draws, counted, leases };
  const life = { permitTtlMs: request.permitTtlMs, ttlMs: leaseMs(leases) };
  if (options.handsOver !== true) {
    const drawn = leases.holder.draw(draws, request.concurrency, life, nowMs);
    if (drawn.kind === "passed") return ok(lentSession(passing, drawn.giveBack, nowMs));
    if (drawn.kind === "refused") {
      exchangeIfDue(env, owner, waitUntil, nowMs);
      const { limit, waitMs: retryAfterMs } = drawn;
      const error = { code: "quota_exceeded" as const, limit, retryAfterMs };
      return fail({ error, rates: viewsOf(leases.holder, request, nowMs) });
    }
  }
  return askGate(passing, nowMs);
}

/** Charges `cost` of each limit whatever is there; a negative cost gives back what was reserved and not used. */
export function settleLimits(
  env: GateEnv,
  waitUntil: WaitUntil,
  owner: GateOwner,
  rates: AdmissionRequest["rates"],
): void {
  const nowMs = Date.now();
  const leases = leasesOf(owner.tenantId, nowMs);
  for (const rate of rates) leases.holder.owe(drawOf(rate), nowMs);
  exchangeIfDue(env, owner, waitUntil, nowMs);
  tellLater(env, waitUntil, owner, leases, nowMs);
}

function drawOf({
  id,
  limit,
  cost = 1,
}: AdmissionRequest["rates"][number]): RateDraw<RequestLimit> {
  return { id, limit, cost };
}

interface Passing {
  readonly env: GateEnv;
  readonly waitUntil: WaitUntil;
  readonly owner: LimitsOwner;
  /** Without what only counts. */
  readonly request: AdmissionRequest;
  readonly draws: readonly RateDraw<RequestLimit>[];
  /** What only counts. */
  readonly counted: readonly RateDraw<RequestLimit>[];
  readonly leases: TenantLeases;
}

/** Lets the gate decide about all limits at once. */
async function askGate(passing: Passing, sentAtMs: number): Promise<Result<GateSession, Refusal>> {
  const { env, waitUntil, owner, request, draws, leases } = passing;
  const { tenantId, residency } = owner;
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
  if (admission.ok) return ok(ownSession(passing, admission.value, nowMs));
  // A lease may have come while the gate was asked: what it took from the bucket is here.
  const life = {
    permitTtlMs: request.permitTtlMs,
    ttlMs: leaseMs(leases),
    isRepeat: true,
  } as const;
  const drawn = leases.holder.draw(draws, request.concurrency, life, nowMs);
  if (drawn.kind === "passed") return ok(lentSession(passing, drawn.giveBack, nowMs));
  exchangeIfDue(env, owner, waitUntil, nowMs);
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
  const { limit: quota, windowMs, burst } = bucketOf(draw.limit);
  const leastMs = Math.min(LEAST_DENIAL_MS, Math.ceil((burst * windowMs) / quota / 4));
  return holder.refused(draw, retryAfterMs, leastMs, nowMs);
}

/** While the gate cannot be reached. */
function onShare(passing: Passing, nowMs: number): Result<GateSession, Refusal> {
  const { request, draws, leases, owner } = passing;
  const mode = owner.policy.limits.when_unreachable ?? "safe_share";
  const giveBack = passUnreachable(leases.holder, request, draws, mode, nowMs);
  if (giveBack !== null) return ok(lentSession(passing, giveBack, nowMs));
  return fail({ error: { code: "unavailable", retryAfterMs: UNREACHABLE_RETRY_MS }, rates: [] });
}

/** A session on what this isolate was lent. Its release is a matter of this isolate alone. */
function lentSession(passing: Passing, giveBack: () => void, nowMs: number): GateSession {
  const { request, leases } = passing;
  afterPassing(passing, nowMs);
  return {
    rates: viewsOf(leases.holder, request, nowMs),
    release: () => {
      giveBack();
      lingerOnce(passing);
    },
    handOver: () => null,
  };
}

/** A session whose permit the gate knows by name. */
function ownSession(
  passing: Passing,
  granted: { readonly permit: string | null; readonly rates: readonly RateView[] },
  nowMs: number,
): GateSession {
  const { env, waitUntil, owner } = passing;
  let { permit } = granted;
  afterPassing(passing, nowMs);
  return {
    rates: granted.rates,
    release: () => {
      lingerOnce(passing);
      if (permit === null) return;
      // Work that outlives the request must not use a stub of before its end, so the gate is named again.
      const gate = gateObject(env, owner.residency, owner.tenantId);
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

/** What is owed is told a few times a second; the last of it by a request that stays a moment longer. */
function tellLater(
  env: GateEnv,
  waitUntil: WaitUntil,
  owner: GateOwner,
  leases: TenantLeases,
  nowMs: number,
): void {
  if (leases.tellsUntilMs > nowMs) return;
  leases.tellsUntilMs = nowMs + 2 * TELL_MS;
  const tell = async () => {
    await scheduler.wait(TELL_MS);
    leases.tellsUntilMs = 0;
    leases.holder.giveUpIdle(Date.now());
    exchangeIfDue(env, owner, waitUntil, Date.now());
  };
  waitUntil(tell());
}

/** What passed is charged to the limits that only count, and the gate is told or asked what is due. */
function afterPassing({ env, waitUntil, owner, counted, leases }: Passing, nowMs: number): void {
  for (const draw of counted) leases.holder.owe(draw, nowMs);
  exchangeIfDue(env, owner, waitUntil, nowMs);
  if (counted.length > 0) tellLater(env, waitUntil, owner, leases, nowMs);
}

/** One request at a time stays until nothing was asked for a moment, to give back what nobody uses. */
function lingerOnce({ env, waitUntil, owner, leases }: Passing): void {
  const { holder } = leases;
  const isHolding = (nowMs: number) => holder.holdsTokens(nowMs) || holder.holdsPermits(nowMs);
  if (leases.lingersUntilMs > Date.now() || !isHolding(Date.now())) return;
  const linger = async () => {
    for (let n = 0; n < MAX_LINGERS && isHolding(Date.now()); n += 1) {
      leases.lingersUntilMs = Date.now() + 3 * LINGER_MS;
      await scheduler.wait(LINGER_MS);
      holder.giveUpIdle(Date.now());
      exchangeIfDue(env, owner, waitUntil, Date.now());
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
  return rates.map((rate) => {
    const { id, limit } = rate;
    const { resetMs } = holder.known(id, nowMs);
    const { left } = standOf(holder, rate, nowMs);
    return { id, limit: limit.limit, windowS: limit.window_s, remaining: left, resetMs };
  });
}

/** What is left of a limit, as far as this isolate knows, and the most there could be; all of it when nothing is known. */
export function standOf(
  holder: LeaseHolder<RequestLimit>,
  { id, limit }: AdmissionRequest["rates"][number],
  nowMs: number,
): { readonly left: number; readonly burst: number } {
  const { isKnown, remaining, sinceMs } = holder.known(id, nowMs);
  const { burst, limit: quota, windowMs } = bucketOf(limit);
  const gained = Math.floor((quota * sinceMs) / windowMs);
  return { left: isKnown ? Math.min(burst, remaining + gained) : burst, burst };
}
