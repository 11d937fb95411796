/**
 * Admit: whether a request may begin its run under its tenant's limits, held as a session while the run goes on. The operator's
 * ceiling, the tenant's policy, the key and the subject are asked together. A tenant without any limit costs no call.
 */

import type { AdmissionRequest, Caller, GateSession } from "../contract/admission.ts";
import type { KeyRecord } from "../contract/key.ts";
import type { Result } from "../platform/result.ts";
import { runDraws, type LimitedTenant } from "./limit-draws.ts";
import {
  passLimits,
  type GateEnv,
  type PassOptions,
  type Refusal,
  type WaitUntil,
} from "./pass-limits.ts";

/** A permit outlives its run's deadline by this, then ends by itself. */
const PERMIT_GRACE_MS = 10_000;

/** The session of an admitted request; the caller owns it and releases it when its run has ended. */
export async function admit(
  env: GateEnv,
  waitUntil: WaitUntil,
  tenant: LimitedTenant,
  key: Pick<KeyRecord, "keyId" | "limits"> & Pick<Caller, "subject">,
  options: PassOptions = {},
): Promise<Result<GateSession, Refusal>> {
  return passLimits(env, waitUntil, tenant, admissionRequest(tenant, key), options);
}

/** Every limit the request must pass. */
export function admissionRequest(tenant: LimitedTenant, caller: Caller): AdmissionRequest {
  const permitTtlMs = tenant.policy.runs.deadline_ms + PERMIT_GRACE_MS;
  return { ...runDraws(tenant, caller), permitTtlMs };
}
