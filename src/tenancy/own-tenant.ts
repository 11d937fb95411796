/** OwnTenant: the tenant a key belongs to. An operator's key belongs to none and gets the answer of an unknown id. */

import type { GatewayError } from "../contract/error.ts";
import type { KeyRecord } from "../contract/key.ts";
import { fail, ok, type Result } from "../platform/result.ts";
import { tenantObject } from "./objects.ts";

/** The object of the key's tenant, and its id. */
export function ownTenant(
  env: Pick<Env, "ROLE" | "TENANT">,
  key: KeyRecord,
): Result<{ readonly id: string; readonly object: ReturnType<typeof tenantObject> }, GatewayError> {
  if (key.tenantId === null) return fail({ code: "not_found" });
  return ok({ id: key.tenantId, object: tenantObject(env, key.residency, key.tenantId) });
}
