/**
 * Admit: asks the tenant's gate once for everything a request needs, and holds the answer as a session.
 *
 * The operator's ceiling, the tenant's policy and the key's own limits are all asked for together; the gate debits all
 * or nothing. A tenant without any limit costs no call. A gate that cannot be reached refuses: limits fail closed.
 */

import type { Admission, AdmissionRequest, GateSession, RateView } from "../contract/admission.ts";
import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { Limits } from "../contract/limits.ts";
import type { TenantSnapshot } from "../contract/tenant.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { reachObject } from "../regions/reach-object.ts";
import { gateObject } from "./objects.ts";

/** A permit outlives its run's deadline by this, then ends by itself. */
const PERMIT_GRACE_MS = 10_000;

/** A client refused for concurrency is told at most this: runs end long before their permits would by themselves. */
const MAX_CONCURRENCY_RETRY_MS = 1000;

/** A refusal and how the rate limits stand. */
export interface Refusal {
  readonly error: GatewayError;
  readonly rates: readonly RateView[];
}

/** The session of an admitted request; the caller owns it and releases it when its run has ended. */
export async function admit(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  waitUntil: (work: Promise<unknown>) => void,
  snapshot: TenantSnapshot,
  key: KeyRecord,
): Promise<Result<GateSession, Refusal>> {
  const request = admissionRequest(snapshot, key);
  if (request.rates.length === 0 && request.concurrency.length === 0) {
    return ok({ rates: [], release: () => {}, handOver: () => null });
  }
  const gate = gateObject(env, snapshot.residency, snapshot.tenantId);
  const reached = await reachObject<Admission>(async () => await gate.admit(request));
  if (!reached.ok) return fail({ error: reached.error, rates: [] });
  const admission = reached.value;
  if (!admission.ok) {
    const { code, limit, retryAfterMs, rates } = admission.error;
    const told =
      code === "quota_exceeded" ? retryAfterMs : Math.min(retryAfterMs, MAX_CONCURRENCY_RETRY_MS);
    return fail({ error: { code, limit, retryAfterMs: told }, rates });
  }
  let { permit } = admission.value;
  return ok({
    rates: admission.value.rates,
    release: () => {
      if (permit === null) return;
      // A permit whose release is lost ends by itself.
      waitUntil(gate.release(permit).catch(() => {}));
      permit = null;
    },
    handOver: () => {
      const given = permit;
      permit = null;
      return given;
    },
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
