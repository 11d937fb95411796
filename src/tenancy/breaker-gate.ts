/** BreakerGate: the way from a session to its tenant's gate. */

import type { Residency } from "../contract/key.ts";
import { gateObject } from "./objects.ts";
import type { BreakerGate } from "./upstream-sessions.ts";

/** The gate of one tenant; `defer` takes work that belongs to no call. */
export function breakerGate(
  env: Pick<Env, "TENANT_GATE" | "ROLE">,
  { tenantId, residency }: { readonly tenantId: string; readonly residency: Residency },
  defer: (work: Promise<unknown>) => void,
): BreakerGate {
  return {
    async say(word) {
      return await gateObject(env, residency, tenantId).breakers(word);
    },
    defer,
  };
}
